"""Refuses JSON that parsers read differently: bytes that are not UTF-8, numbers out of range, nesting that is too deep.

The decoder accepts such numbers and nesting. Fast scans over the bytes find suspicious spots; a string may hold such a spot
too, so only a full parse of a suspicious event decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pubsubservice.core.problems import BadRequest, Problem

__all__ = ["check_utf8", "check_utf8_of", "check_values", "is_suspicious", "too_deep"]

#: levels of nesting, the event itself included
MAX_DEPTH = 64

_any = msgspec.json.Decoder()

#: maps digits to "0", and "+" too, so that one search finds exponents with and without a sign; "E" to "e"; "{" to "["
_FOLDED = bytes.maketrans(b"123456789+E{", b"0000000000e[")
_NOT_BRACKETS = bytes(i for i in range(256) if i not in b"{}[]")
_SQUARE = bytes.maketrans(b"{}", b"[]")
#: in bytes mapped by `_FOLDED`: an integer that may exceed 64 bits, an exponent that may exceed a double
_LONG, _HIGH = b"0" * 19, b"0e000"


def check_utf8(body: bytes) -> None:
    """Raise BadRequest for a body that is not UTF-8."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as e:
            raise BadRequest(
                "invalid_json", f"The body is not UTF-8 at byte {e.start}: JSON is expected in UTF-8."
            ) from e


def check_utf8_of(lines: Sequence[bytes], body: bytes) -> None:
    """Raise BadRequest as `check_utf8` does, if one of the events is not UTF-8; the decoder has checked the rest of the body.

    A megabyte with a single character that is not ASCII becomes four megabytes when decoded. Here only the event that has the
    character does.
    """
    if not body.isascii() and not all(map(_is_utf8, lines)):
        check_utf8(body)


def _is_utf8(line: bytes) -> bool:
    try:
        return line.isascii() or bool(line.decode())
    except UnicodeDecodeError:
        return False


def is_suspicious(text: bytes) -> bool:
    """Whether JSON may hold a number that exceeds 64 bits or a double, or more nesting than `MAX_DEPTH`.

    For the data of an event, the event around it counts as one level.
    """
    # the first scan is cheaper, and enough unless strings hold long digit sequences or many brackets
    return _has_suspicious_spot(text) and _has_suspicious_spot(_outside_strings(text))


def _has_suspicious_spot(text: bytes) -> bool:
    folded = text.translate(_FOLDED)
    if _HIGH in folded or _LONG in folded:
        return True
    levels = folded.count(b"[")
    # "{/" occurs only in strings, such as the URL templates of webhooks
    return levels >= MAX_DEPTH and levels - text.count(b"{/") >= MAX_DEPTH


def _outside_strings(text: bytes) -> bytes:
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # with escaped backslashes and quotes removed, every second piece between quotes lies outside of strings
    return b"".join(text.split(b'"')[::2])


def _is_deep(line: bytes) -> bool:
    """Whether an event has more levels of nesting than `MAX_DEPTH`."""
    brackets = _outside_strings(line).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def check_values(line: bytes, where: str) -> None:
    """Parse an event in full; raise BadRequest if a number exceeds 64 bits or a double, or nesting exceeds `MAX_DEPTH`.

    `where` names the event in error texts, such as ``events[3]``.
    """
    if _is_deep(line):
        raise too_deep(where)
    try:
        level: list[Any] = [_any.decode(line)]
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_number", f"{where}: a number is out of the range of a double.") from e
    while level:
        next_level: list[Any] = []
        for value in level:
            if type(value) is dict:
                next_level += value.values()
            elif type(value) is list:
                next_level += value
            elif type(value) is int and not -(2**63) <= value < 2**64:
                raise BadRequest("invalid_number", f"{where}: the integer {str(value)[:30]} does not fit 64 bits.")
        level = next_level


def too_deep(where: str) -> Problem:
    """Return the problem of an event that is nested too deeply."""
    return BadRequest("too_deep", f"{where}: at most {MAX_DEPTH} levels of nesting are expected, the event included.")
