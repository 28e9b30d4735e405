"""JSON by orjson, for what it does as the standard library does; the rest is left to that.

Importing this module raises ImportError where orjson is not installed.
"""

from __future__ import annotations

import marshal
from math import isfinite
from typing import Any

import orjson

from pubsubclient._core import json_stdlib as standard

__all__ = ["decode", "encode", "encode_data"]

#: what is JSON without a look at the value: orjson itself refuses integers beyond 64 bits and lone surrogates
_PLAIN = frozenset({str, int, bool, type(None)})
_STRINGS = frozenset({str})


def encode(value: Any) -> bytes:
    """As `standard.encode`."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return standard.encode(value)


def decode(text: bytes) -> Any:
    """As `standard.decode`, but for integers beyond 64 bits, which come as floats: the service takes and gives none."""
    try:
        return orjson.loads(text)
    except ValueError:
        # NaN, infinities, and lone surrogates as escapes are JSON to the standard library; or it has the error to raise
        return standard.decode(text)


def encode_data(data: Any) -> bytes:
    """As `standard.encode_data`.

    orjson takes more than JSON's own types (enums, UUIDs, dataclasses, dates) and writes NaN as null. `marshal`, which
    knows Python's own types alone, tells at a tenth of the cost of a look at each value.
    """
    try:
        marshal.dumps(data)
        text = orjson.dumps(data)
    except (TypeError, ValueError):
        return standard.encode_data(data)  # which knows the place of what is wrong
    doubtful = b"null" in text or text.count(b"{") + text.count(b"[") > standard.MAX_DEPTH
    return text if not doubtful or _is_plain(data, standard.MAX_DEPTH) else standard.encode_data(data)


def _is_plain(value: Any, levels: int) -> bool:
    """Whether `value` is of JSON's own types alone, finite, and not too deep."""
    kind = type(value)
    if kind is dict:
        if not _STRINGS.issuperset(map(type, value)):
            return False
        items = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        return isfinite(value) if kind is float else kind in _PLAIN
    if not levels:
        return False
    for item in items:  # noqa: SIM110 - a loop, and a call only for what is not plain: this is what is to be fast
        if type(item) not in _PLAIN and not _is_plain(item, levels - 1):
            return False
    return True
