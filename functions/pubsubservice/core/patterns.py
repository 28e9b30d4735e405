"""Patterns of topics, by the rules of NATS: ``*`` stands for one token, ``>`` for one or more at the end.

A topic's tokens are what its dots divide: ``orders.*`` is every topic ``orders.x``, ``orders.>`` also ``orders.x.y``, and
``>`` every topic. Source: https://docs.nats.io/nats-concepts/subjects#wildcards
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pubsubservice.core.problems import BadRequest

__all__ = ["check_pattern", "is_pattern", "literal_prefix_length", "matches", "most_specific"]

MAX_LENGTH = 255

_WILDCARD = re.compile(r"[*>]")
_PART = r"(?:\*|[A-Za-z0-9_~%+-]+)"
_PATTERN = re.compile(rf"(?![._~%+-])(?:>|{_PART}(?:\.{_PART})*(?:\.>)?)")


def is_pattern(name: str) -> bool:
    """Whether a name stands for topics instead of naming one: neither wildcard is allowed in a topic's name."""
    return _WILDCARD.search(name) is not None


def check_pattern(name: str) -> str:
    """Return `name` if it is a pattern that a topic can match; raises BadRequest otherwise."""
    if len(name) > MAX_LENGTH or not is_pattern(name) or not _PATTERN.fullmatch(name):
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise BadRequest(
            "invalid_name",
            f"{shown!r} is no pattern of topics: its tokens, divided by dots, are names' parts (of A-Z a-z 0-9 _ ~ % + -, the "
            f"first beginning with a letter or digit), * for one whole token, or a last > for the rest; at most {MAX_LENGTH} "
            "characters in all.",
        )
    return name


def matches(pattern: str, topic: str) -> bool:
    """Whether a checked pattern stands for a topic."""
    return _compiled(pattern).fullmatch(topic) is not None


def literal_prefix_length(pattern: str) -> int:
    """How many characters come before the first wildcard: the more, the more specific the pattern."""
    found = _WILDCARD.search(pattern)
    return found.start() if found else len(pattern)


def most_specific(patterns: Iterable[str], topic: str) -> str | None:
    """Of the patterns that stand for a topic, the one whose settings count; None if none does.

    The longest literal prefix wins; of equal ones that without ``>``, then that of most tokens, then that of fewest ``*``,
    then the first in the alphabet.
    """
    standing = [pattern for pattern in patterns if matches(pattern, topic)]
    return min(standing, key=_rank, default=None)


def _rank(pattern: str) -> tuple[int, bool, int, int, str]:
    return (
        -literal_prefix_length(pattern),
        pattern.endswith(">"),
        -pattern.count("."),
        pattern.count("*"),
        pattern,
    )


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+"))
