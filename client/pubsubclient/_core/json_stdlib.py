"""Strict JSON by the standard library: the reference for the other codec."""

from __future__ import annotations

import json
import math
from typing import Any

from pubsubclient._core.errors import InvalidArgument

__all__ = ["MAX_DEPTH", "decode", "encode", "encode_data"]

#: the service accepts 64 levels of nesting; the event itself is one of them
MAX_DEPTH = 63

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_decoder = json.JSONDecoder()

#: types whose values need no check
_PLAIN = frozenset({str, bool, type(None)})


def encode(value: Any) -> bytes:
    """Encode a value that this package made; it is not checked."""
    return _encoder.encode(value).encode()


def decode(text: bytes) -> Any:
    """Decode JSON. Raises ValueError if `text` is not JSON in UTF-8."""
    return _decoder.decode(text.decode())


def encode_data(data: Any) -> bytes:
    """Encode a caller's value.

    Raises InvalidArgument, with the path of the value, for values that JSON cannot represent or that parsers read
    differently: types other than dict, list, tuple, str, int, float, bool and None; keys that are not strings (``json`` would
    silently convert them); NaN and infinities; integers beyond 64 bits; more than 63 levels; lone surrogates.
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
    """A value that cannot be encoded. While it propagates, it collects the path to the value, innermost key first."""

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
    step: Any = None
    try:
        for step, item in container.items() if isinstance(container, dict) else enumerate(container):  # noqa: B007
            if type(item) not in _PLAIN:
                _check(item, levels - 1)
    except _FaultError as fault:
        fault.path.append(f"[{step!r}]")
        raise
