"""Checks of names of topics, publishers and subscribers; and patterns of topics."""

from __future__ import annotations

import re
from functools import lru_cache

from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import InvalidArgument

__all__ = ["check_name", "check_pattern", "check_topic", "is_pattern", "stands_for"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%+-]*")
#: the default dead-letter topic is the subscriber's name and ".dead", so subscribers' names are shorter
_MAX_LENGTH = {"topic": 255, "publisher": 255, "subscriber": 250}

#: a token of a pattern
_PART = r"(?:\*|[A-Za-z0-9_~%+-]+)"
_PATTERN = re.compile(rf"(?![._~%+-])(?:>|{_PART}(?:\.{_PART})*(?:\.>)?)")


def check_name(kind: str, name: object) -> str:
    """Return `name` if it is a valid name of a `kind`: "topic", "publisher" or "subscriber".

    Raises InvalidArgument otherwise, so that an invalid name fails where it is used first, not at the first request.
    """
    if not isinstance(name, str):
        raise InvalidArgument(f"A {kind}'s name is a string; got {shown(name)}.")
    limit = _MAX_LENGTH[kind]
    if len(name) > limit or not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"{shown(name)} cannot name a {kind}: a name has 1 to {limit} characters of A-Z a-z 0-9 . _ ~ % + - "
            "and begins with a letter or digit."
        )
    if kind == "topic" and (".." in name or name.endswith(".")):
        raise InvalidArgument(f"{shown(name)} cannot name a topic: expected a character between and after dots.")
    return name


@lru_cache(maxsize=1000)
def check_topic(name: str) -> str:
    """Return `name` if it is a valid name of a topic; remembers the names that it was given. Raises InvalidArgument."""
    return check_name("topic", name)


def is_pattern(name: str) -> bool:
    """Whether `name` is a pattern, not the name of one topic."""
    return "*" in name or ">" in name


def check_pattern(name: str) -> str:
    """Return `name` if it is a valid pattern of topics. Raises InvalidArgument."""
    if len(name) > _MAX_LENGTH["topic"] or not _PATTERN.fullmatch(name):
        raise InvalidArgument(
            f"{shown(name)} is no pattern of topics: * stands for a whole token between dots, > for one or more at the end."
        )
    return name


def stands_for(pattern: str, topic: str) -> bool:
    """Whether a name or a pattern matches a topic: ``*`` matches one token, ``>`` one or more tokens."""
    return _compiled(pattern).fullmatch(topic) is not None


@lru_cache(maxsize=100)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+"))
