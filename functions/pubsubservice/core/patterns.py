"""Topic patterns, by the rules of NATS: ``*`` matches one token, a last ``>`` matches one or more tokens.

Tokens are the parts of a topic's name between dots. ``orders.*`` matches ``orders.x``; ``orders.>`` matches ``orders.x`` and
``orders.x.y``; ``>`` matches every topic. Source: https://docs.nats.io/nats-concepts/subjects#wildcards
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pubsubservice.core.problems import BadRequest

__all__ = ["check_pattern", "is_pattern", "literal_prefix_length", "matches", "most_specific"]

#: characters of a pattern
MAX_LENGTH = 255

_WILDCARD = re.compile(r"[*>]")
_PART = r"(?:\*|[A-Za-z0-9_~%+-]+)"
_PATTERN = re.compile(rf"(?![._~%+-])(?:>|{_PART}(?:\.{_PART})*(?:\.>)?)")


def is_pattern(name: str) -> bool:
    """Whether a name is a pattern: it holds a wildcard, which a topic's name never does."""
    return _WILDCARD.search(name) is not None


def check_pattern(name: str) -> str:
    """Return `name` if it is a valid pattern; raises BadRequest otherwise."""
    if len(name) > MAX_LENGTH or not is_pattern(name) or not _PATTERN.fullmatch(name):
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise BadRequest(
            "invalid_name",
            f"{shown!r} is not a pattern of topics: expected are tokens separated by dots, at most {MAX_LENGTH} characters in "
            "all. A token has characters of A-Z a-z 0-9 _ ~ % + -, or is * for any one token; the last may be > for one or "
            "more. A pattern begins with a letter, a digit, * or >.",
        )
    return name


def matches(pattern: str, topic: str) -> bool:
    """Whether a pattern (already checked) matches a topic."""
    return _compiled(pattern).fullmatch(topic) is not None


def literal_prefix_length(pattern: str) -> int:
    """Return how many characters precede the first wildcard: the more, the more specific the pattern."""
    found = _WILDCARD.search(pattern)
    return found.start() if found else len(pattern)


def most_specific(patterns: Iterable[str], topic: str) -> str | None:
    """Return the most specific pattern that matches a topic, or None if no pattern matches.

    The longest literal prefix wins. Ties are broken in this order: a pattern without ``>``, more tokens, fewer ``*``, the
    first in the alphabet.
    """
    matching = [pattern for pattern in patterns if matches(pattern, topic)]
    return min(matching, key=_rank, default=None)


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
