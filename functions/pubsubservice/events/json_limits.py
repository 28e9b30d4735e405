"""What a lenient scanner lets through and other parsers would not read alike, looked for by scans over bytes.

A scan only finds suspicious spots: strings may hold them as well. What has one is parsed in full.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pubsubservice.core.problems import BadRequest, Problem

__all__ = ["check_utf8", "check_values", "is_suspicious", "too_deep"]

#: levels of nesting, the event itself included
MAX_DEPTH = 64

_any = msgspec.json.Decoder()

#: digits to 0, and "+" too, so that signed exponents are found by the same search; "E" to "e"; both brackets to one
_FOLDED = bytes.maketrans(b"123456789+E{", b"0000000000e[")
_NOT_BRACKETS = bytes(i for i in range(256) if i not in b"{}[]")
_SQUARE = bytes.maketrans(b"{}", b"[]")
#: after _FOLDED: an integer that may pass 64 bits, an exponent that may pass a double
_LONG, _HIGH = b"0" * 19, b"0e000"


def check_utf8(body: bytes) -> None:
    """Refuse bytes that are not UTF-8: raises BadRequest."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as e:
            raise BadRequest(
                "invalid_json", f"The body is not UTF-8 at byte {e.start}: JSON is exchanged in UTF-8."
            ) from e


def is_suspicious(text: bytes) -> bool:
    """Whether a number in it may not fit 64 bits or a double, or nesting pass MAX_DEPTH with one level around it."""
    # the first look costs less, and is all that it takes unless there are digests or texts
    return _has_spots(text) and _has_spots(_outside_strings(text))


def _has_spots(text: bytes) -> bool:
    folded = text.translate(_FOLDED)
    return _HIGH in folded or _LONG in folded or folded.count(b"[") >= MAX_DEPTH


def _outside_strings(text: bytes) -> bytes:
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # without escaped backslashes and quotes, every other piece between quotes is outside of strings
    return b"".join(text.split(b'"')[::2])


def _is_deep(line: bytes) -> bool:
    """Whether nesting passes MAX_DEPTH."""
    brackets = _outside_strings(line).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def check_values(line: bytes, where: str) -> None:
    """Parse an event in full: every number must fit 64 bits or a double, and nesting its limit. Raises BadRequest."""
    if _is_deep(line):
        raise too_deep(where)
    try:
        level: list[Any] = [_any.decode(line)]
    except msgspec.MsgspecError as e:
        raise BadRequest("invalid_number", f"{where}: a number is out of the range of a double.") from e
    while level:
        below: list[Any] = []
        for value in level:
            if type(value) is dict:
                below += value.values()
            elif type(value) is list:
                below += value
            elif type(value) is int and not -(2**63) <= value < 2**64:
                raise BadRequest("invalid_number", f"{where}: the integer {str(value)[:30]} does not fit 64 bits.")
        level = below


def too_deep(where: str) -> Problem:
    """The refusal of what is nested too deeply."""
    return BadRequest("too_deep", f"{where}: at most {MAX_DEPTH} levels of nesting are expected.")
