"""JSON by the standard library, strictly: what every other codec here must equal."""

from __future__ import annotations

import json
import math
from typing import Any

from pubsubclient._core.errors import InvalidArgument

__all__ = ["MAX_DEPTH", "decode", "encode", "encode_data"]

#: the service takes 64 levels of nesting, of which the event itself is one
MAX_DEPTH = 63

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_decoder = json.JSONDecoder()

#: types that need no second look
_PLAIN = frozenset({str, bool, type(None)})


def encode(value: Any) -> bytes:
    """A value of our own making as JSON."""
    return _encoder.encode(value).encode()


def decode(text: bytes) -> Any:
    """A value from JSON. Raises ValueError if `text` is not JSON in UTF-8."""
    return _decoder.decode(text.decode())


def encode_data(data: Any) -> bytes:
    """A caller's value as JSON.

    Raises InvalidArgument, naming the place, for what JSON cannot carry or parsers do not agree on: types other
    than dict, list, tuple, str, int, float, bool and None; keys that are not strings (``json`` would turn them
    into strings silently); NaN and infinities; integers beyond 64 bits; over 63 levels; lone surrogates.
    """
    try:
        _check(data, MAX_DEPTH)
        return _encoder.encode(data).encode()
    except _FaultError as fault:
        raise InvalidArgument(f"data{''.join(reversed(fault.path))}: {fault}") from None
    except UnicodeEncodeError as e:
        before = e.object[max(0, e.start - 40) : e.start]
        raise InvalidArgument(
            f"data: U+{ord(e.object[e.start]):04X}, after {before!r}, is a lone surrogate: UTF-8 cannot carry it."
        ) from None


class _FaultError(Exception):
    """What is wrong with a value; on its way up it collects the path to it, innermost first."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str] = []


def _check(value: Any, levels: int) -> None:
    kind = type(value)
    if kind in _PLAIN or isinstance(value, str):
        return
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise _FaultError("an integer that does not fit 64 bits; send it as a string.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _FaultError(f"{value} is not JSON; send None or a string.")
    elif not isinstance(value, dict | list | tuple):
        raise _FaultError(
            f"a {kind.__name__} is not JSON; expected dict, list, tuple, str, int, float, bool or None "
            "(or bytes as the whole of an event's data)."
        )
    elif not levels:
        raise _FaultError(f"more than {MAX_DEPTH} levels of nesting, or a value that contains itself.")
    else:
        _check_items(value, levels)


def _check_items(container: Any, levels: int) -> None:
    if isinstance(container, dict):
        for key in container:
            if not isinstance(key, str):
                raise _FaultError(f"a key of type {type(key).__name__}; JSON has only strings for keys.")
    place: Any = None
    try:
        for place, item in container.items() if isinstance(container, dict) else enumerate(container):  # noqa: B007
            if type(item) not in _PLAIN:
                _check(item, levels - 1)
    except _FaultError as fault:
        fault.path.append(f"[{place!r}]")
        raise
