"""Filters: the six dialects as the CloudEvents Subscriptions API has them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.core.problems import BadRequest
from pubsubservice.subscribers.filters import MAX_DEPTH, MAX_FILTER_BYTES, MAX_NODES, Filter, compile_filters

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/publishers/P1",
    "type": "com.github.push",
    "subject": "https://github.com/cloudevents/spec",
    "priority": 7,
    "urgent": True,
    "none": None,
    "city": "Zürich",
    "data": {"type": "other"},
}


def line_of(event: dict[str, Any]) -> bytes:
    """An event as it is kept."""
    return json.dumps(event, ensure_ascii=False).encode()


def compiled(*filters: object) -> Filter:
    """The filters of a subscription, as they come out of a request and then out of a document."""
    found = compile_filters(msgspec.json.decode(json.dumps(filters)))
    assert found is not None
    return Filter.load(found.packed)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ({"exact": {"type": "com.github.push"}}, True),
        ({"exact": {"type": "com.github.Push"}}, False),
        ({"exact": {"type": "com.github.push", "subject": "https://github.com/cloudevents/spec"}}, True),
        ({"exact": {"type": "com.github.push", "subject": "https://github.com/cloudevents"}}, False),
        ({"exact": {"absent": "x"}}, False),
        ({"prefix": {"type": "com.github.", "subject": "https://github.com/cloudevents"}}, True),
        ({"prefix": {"type": "github."}}, False),
        ({"prefix": {"absent": "x"}}, False),
        ({"suffix": {"type": ".push", "subject": "/cloudevents/spec"}}, True),
        ({"suffix": {"type": ".pull"}}, False),
        ({"suffix": {"absent": "x"}}, False),
        ({"all": [{"exact": {"type": "com.github.push"}}, {"suffix": {"subject": "spec"}}]}, True),
        ({"all": [{"exact": {"type": "com.github.push"}}, {"suffix": {"subject": "specs"}}]}, False),
        ({"any": [{"exact": {"type": "x"}}, {"suffix": {"subject": "spec"}}]}, True),
        ({"any": [{"exact": {"type": "x"}}, {"suffix": {"subject": "specs"}}]}, False),
        ({"not": {"exact": {"type": "com.github.push"}}}, False),
        ({"not": {"exact": {"type": "x"}}}, True),
        ({"not": {"exact": {"absent": "x"}}}, True),
        ({"exact": {"topic": "orders.eu"}}, True),
        ({"prefix": {"topic": "orders.us"}}, False),
        ({"exact": {"priority": "7", "urgent": "true"}}, True),
        ({"exact": {"urgent": "True"}}, False),
        ({"prefix": {"none": "n"}}, False),
        ({"exact": {"city": "Zürich"}}, True),
    ],
)
def test_a_dialect_does_as_the_specification_says(expression: object, wanted: bool) -> None:
    """One expression against one event."""
    filter_ = compiled(expression)
    assert filter_.matches(line_of(EVENT), "orders.eu") is wanted
    assert (filter_.clause(line_of(EVENT), "orders.eu") is None) is wanted


def test_every_filter_of_the_array_has_to_hold() -> None:
    """An array means all."""
    right, wrong = {"prefix": {"type": "com."}}, {"exact": {"type": "com"}}
    assert compiled(right, right).matches(line_of(EVENT), "t")
    assert not compiled(right, wrong).matches(line_of(EVENT), "t")


def test_no_filters_are_none() -> None:
    """An empty array wants every event."""
    assert compile_filters([]) is None


def test_escapes_make_no_difference() -> None:
    """What is compared is the value, not how the publisher wrote it."""
    line = b'{"\\u0074ype": "com.g\\u0069thub.push", "data": "\\u00e9"}'
    assert compiled({"exact": {"type": "com.github.push"}}).matches(line, "t")


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ([{"prefix": {"type": "com."}}, {"exact": {"subject": "x"}}], "filters[1].exact.subject"),
        ([{"exact": {"type": "com.github.push", "absent": "x"}}], "filters[0].exact.absent"),
        ([{"all": [{"exact": {"urgent": "true"}}, {"suffix": {"type": "x"}}]}], "filters[0].all[1].suffix.type"),
        ([{"any": [{"exact": {"type": "x"}}, {"exact": {"type": "y"}}]}], "filters[0].any"),
        ([{"not": {"all": [{"exact": {"urgent": "true"}}]}}], "filters[0].not"),
    ],
)
def test_the_clause_that_refuses_is_named(filters: list[object], path: str) -> None:
    """By its path in the request that made it."""
    assert compiled(*filters).clause(line_of(EVENT), "t") == path


@pytest.mark.parametrize(
    ("filters", "code", "detail"),
    [
        ({"exact": {"type": "x"}}, "invalid_filter", "filters: an array of filters is expected."),
        (["type"], "invalid_filter", "filters[0]: an object with one dialect"),
        ([{}], "invalid_filter", "filters[0]: an object with one dialect"),
        ([{"exact": {"type": "x"}, "not": {}}], "invalid_filter", "filters[0]: an object with one dialect"),
        ([{"sql": "a = 1"}], "unknown_dialect", "filters[0].sql: the dialect 'sql' is not known; exact, prefix"),
        ([{"any": [{"like": {}}]}], "unknown_dialect", "filters[0].any[0].like: the dialect 'like' is not known"),
        ([{"exact": {}}], "invalid_filter", "filters[0].exact: an object from names of attributes to strings"),
        ([{"exact": "x"}], "invalid_filter", "filters[0].exact: an object from names of attributes to strings"),
        ([{"exact": {"type": ""}}], "invalid_filter", "filters[0].exact.type: a string that is not empty"),
        ([{"exact": {"n": 5}}], "invalid_filter", "filters[0].exact.n: a string that is not empty"),
        ([{"prefix": {"": "x"}}], "invalid_filter", "filters[0].prefix.: the name of an attribute is expected"),
        ([{"prefix": {"Type": "x"}}], "invalid_filter", "filters[0].prefix.Type: the name of an attribute"),
        ([{"suffix": {"data": "x"}}], "invalid_filter", "filters[0].suffix.data: an attribute is expected"),
        ([{"exact": {"attempt": "1"}}], "invalid_filter", "filters[0].exact.attempt: an attribute of the publisher"),
        ([{"all": []}], "invalid_filter", "filters[0].all: an array of at least one filter is expected."),
        ([{"any": {}}], "invalid_filter", "filters[0].any: an array of at least one filter is expected."),
        ([{"not": []}], "invalid_filter", "filters[0].not: an object with one dialect"),
        ([{"any": [{"exact": {"type": "a"}}, {"not": {"exact": {"type": 1}}}]}], "invalid_filter",
         "filters[0].any[1].not.exact.type: a string that is not empty"),
    ],
)  # fmt: skip
def test_a_malformed_filter_is_refused_with_its_path(filters: object, code: str, detail: str) -> None:
    """The path leads to the fault."""
    with pytest.raises(BadRequest) as raised:
        compile_filters(filters)
    assert (raised.value.status, raised.value.code) == (400, code)
    assert raised.value.detail.startswith(detail)


def test_filters_are_bounded() -> None:
    """In nodes, in depth and in bytes; the bound itself is allowed."""
    leaf = {"exact": {"type": "x"}}
    room = MAX_FILTER_BYTES - len('[{"exact":{"type":""}}]')
    deep: object = leaf
    for _ in range(MAX_DEPTH - 1):
        deep = {"not": deep}
    for allowed, refused in (
        ([leaf] * MAX_NODES, [leaf] * (MAX_NODES + 1)),
        ([{"any": [leaf] * (MAX_NODES - 1)}], [{"any": [leaf] * MAX_NODES}]),
        ([deep], [{"not": deep}]),
        ([{"exact": {"type": "x" * room}}], [{"exact": {"type": "x" * (room + 1)}}]),
    ):
        assert compile_filters(allowed) is not None
        with pytest.raises(BadRequest, match="at most") as raised:
            compile_filters(refused)
        assert raised.value.code == "invalid_filter"


# by chance

texts = st.text("ab1", min_size=1, max_size=3)
comparisons = st.builds(
    lambda dialect, content: {dialect: content},
    st.sampled_from(["exact", "prefix", "suffix"]),
    st.dictionaries(st.sampled_from(["type", "e1", "e2", "topic"]), texts, min_size=1, max_size=3),
)
expressions: st.SearchStrategy[Any] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda nodes: {"all": nodes}),
        st.lists(inner, min_size=1, max_size=3).map(lambda nodes: {"any": nodes}),
        inner.map(lambda node: {"not": node}),
    ),
    max_leaves=8,
)
events = st.dictionaries(
    st.sampled_from(["type", "e1", "e2", "subject"]),
    st.one_of(texts, st.booleans(), st.integers(0, 120), st.none()),
)


def naive(expression: dict[str, Any], event: dict[str, Any]) -> bool:
    """What an expression means, word by word."""
    ((dialect, content),) = expression.items()
    if dialect == "all":
        return all(naive(each, event) for each in content)
    if dialect == "any":
        return any(naive(each, event) for each in content)
    if dialect == "not":
        return not naive(content, event)
    for name, text in content.items():
        value = event.get(name)
        if value is None:
            return False
        written = value if isinstance(value, str) else json.dumps(value)
        if not {"exact": written == text, "prefix": written.startswith(text), "suffix": written.endswith(text)}[
            dialect
        ]:
            return False
    return True


@given(
    st.lists(expressions, min_size=1, max_size=3).filter(lambda all_: len(str(all_)) < 1_500), st.lists(events), texts
)
def test_selecting_agrees_with_a_naive_evaluation(
    filters: list[dict[str, Any]], batch: list[dict[str, Any]], topic: str
) -> None:
    """Bit i is set just if every filter holds for event i; the clause is there just if not."""
    filter_ = compiled(*filters)
    lines = [line_of(event) for event in batch]
    wanted = [all(naive(each, {**event, "topic": topic}) for each in filters) for event in batch]
    assert filter_.select(lines, topic) == sum(1 << i for i, held in enumerate(wanted) if held)
    assert [filter_.clause(line, topic) is None for line in lines] == wanted
