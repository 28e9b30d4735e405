"""Finds a member name that appears twice in an event. Such an event is refused: parsers differ in which value they take.

The decoder keeps only the last value of a name. A sum of lengths tells at almost no cost whether it dropped one: without
white space and escapes, an object is exactly as long as its decoded members. Only a longer object is walked member by member.
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
    """Return the first name that an object has twice at its top level, or None.

    Args:
        line: the object's JSON, from brace to brace
        attributes: the object's members as the decoder returned them
        strings: number of members that are joined in `text`: those with a string value, except the event's data
        text: the string values, joined
    """
    # each member adds two quotes, a colon and a comma or brace; each string value two more quotes
    size = len("".join(attributes)) + len(text if text.isascii() else text.encode()) + 4 * len(attributes) + 2 * strings
    for name in ("data", "data_base64"):
        if name in attributes:
            size += len(attributes[name])
    if size + 1 == len(line) or _covers_line(line, attributes):
        return None
    seen: set[str] = set()
    pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list, parse_int=str)
    return next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _covers_line(line: bytes, attributes: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the decoded members, one after another, cover the whole object."""
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
