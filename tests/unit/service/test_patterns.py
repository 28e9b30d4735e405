"""Patterns of topics: which are accepted, what they stand for, and which one counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.core.names import check_name
from pubsubservice.core.patterns import check_pattern, is_pattern, literal_prefix_length, matches, most_specific
from pubsubservice.core.problems import BadRequest


@pytest.mark.parametrize(
    "pattern", [">", "*", "*.*", "orders.*", "orders.>", "*.eu.>", "a.*.c", "A-1_~%+.*", "a" * 253 + ".*"]
)
def test_wildcards_are_whole_tokens(pattern: str) -> None:
    """The patterns of NATS are accepted."""
    assert is_pattern(pattern)
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    ["", "orders", "a*", "a.*b", "a.b>", "a.>.b", ">.a", "a..*", ".*", "*.", "a.*.", "a.>.", "**", ">>", "* ", "a/*", "ä.*",
     "-a.*", "~.*", "a.*\n", "a" * 254 + ".*"],
)  # fmt: skip
def test_other_patterns_are_refused_with_what_is_expected(pattern: str) -> None:
    """As invalid names."""
    with pytest.raises(BadRequest, match=r"\* for any one token; the last may be > for one or more") as raised:
        check_pattern(pattern)
    assert (raised.value.status, raised.value.code) == (400, "invalid_name")


@pytest.mark.parametrize(
    ("pattern", "topic", "stands"),
    [
        (">", "a", True),
        (">", "a.b.c", True),
        ("*", "a", True),
        ("*", "a.b", False),
        ("orders.*", "orders.eu", True),
        ("orders.*", "orders", False),
        ("orders.*", "orders.eu.paid", False),
        ("orders.>", "orders.eu", True),
        ("orders.>", "orders.eu.paid", True),
        ("orders.>", "orders", False),
        ("orders.>", "orders-eu.paid", False),
        ("*.paid", "eu.paid", True),
        ("*.paid", "eu-paid", False),
        ("a+b.*", "aab.c", False),
        ("a.*", "axb", False),
    ],
)
def test_a_pattern_stands_for_topics_by_their_tokens(pattern: str, topic: str, stands: bool) -> None:
    """One token for ``*``, one or more for ``>``; every other character is itself."""
    assert matches(pattern, topic) is stands


@pytest.mark.parametrize(("pattern", "length"), [(">", 0), ("*.a", 0), ("orders.*", 7), ("orders.eu.>", 10), ("a", 1)])
def test_the_literal_prefix_ends_at_the_first_wildcard(pattern: str, length: int) -> None:
    """In characters."""
    assert literal_prefix_length(pattern) == length


def test_the_longest_literal_prefix_wins() -> None:
    """Whatever the order, and there is always just one."""
    ranked = ["a.b.*", "a.b.>", "a.*.c", "a.*.*", "a.>", "*.b.c", "*.*.c", "*.>", ">"]
    for place in range(len(ranked)):
        assert most_specific(reversed(ranked[place:]), "a.b.c") == ranked[place]
    assert most_specific(ranked[:-2], "x.y") is None


tokens = st.sampled_from(["a", "b", "c", "a-"])
topics = st.lists(tokens, min_size=1, max_size=4)
patterns = st.builds(
    lambda parts, rest: [*parts, *rest],
    st.lists(st.one_of(tokens, st.just("*")), max_size=4),
    st.sampled_from([[], [">"]]),
).filter(lambda parts: "*" in parts or ">" in parts)


def naive(pattern: list[str], topic: list[str]) -> bool:
    """Token by token."""
    for place, part in enumerate(pattern):
        if part == ">":
            return len(topic) > place
        if place >= len(topic) or part not in {"*", topic[place]}:
            return False
    return len(pattern) == len(topic)


@given(patterns, topics)
def test_matching_agrees_with_a_walk_over_the_tokens(pattern: list[str], topic: list[str]) -> None:
    """For any pattern and any topic."""
    name = check_pattern(".".join(pattern))
    assert matches(name, check_name("topic", ".".join(topic))) is naive(pattern, topic)
