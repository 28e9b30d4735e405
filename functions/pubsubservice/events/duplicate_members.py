"""Names that appear twice in an event: parsers differ in which value they take, so such an event is refused.

The decoder keeps the last value of a name. Whether it dropped one is told by size, at almost no cost: without white space
and escapes, an object is just as long as its members. Only what is longer is walked, member by member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

__all__ = ["repeated_name"]

_NAME = re.compile(rb'[ \t\r\n]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*[,}]")


def repeated_name(line: bytes, attributes: Mapping[str, msgspec.Raw], strings: int, text: str) -> str | None:
    """The first name that an object has twice at its top level, or None.

    Args:
        line: its JSON, from brace to brace
        attributes: its members as they were decoded
        strings: how many of their values, the data aside, are strings that `text` holds
        text: those strings, joined
    """
    size = len("".join(attributes)) + len(text if text.isascii() else text.encode()) + 4 * len(attributes) + 2 * strings
    for name in ("data", "data_base64"):
        if name in attributes:
            size += len(attributes[name])
    if size + 1 == len(line) or _is_whole(line, attributes):
        return None
    seen: set[str] = set()
    pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list, parse_int=str)
    return next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _is_whole(line: bytes, attributes: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the decoded members, one after the other, are all that the object has."""
    position = 1
    for raw in attributes.values():
        name = _NAME.match(line, position)
        if name is None or not line.startswith(bytes(raw), name.end()):
            return False
        after = _NEXT.match(line, name.end() + len(raw))
        if after is None:
            return False
        position = after.end()
    return position == len(line)
