"""JSON by orjson. Values that orjson treats differently from the standard library are left to the standard library.

Importing this module raises ImportError if orjson is not installed.
"""

from __future__ import annotations

import marshal
from math import isfinite
from typing import Any

import orjson

from pubsubclient._core import json_stdlib as standard

__all__ = ["decode", "encode", "encode_data"]

#: types whose values need no check here: orjson itself refuses integers beyond 64 bits and lone surrogates
_PLAIN = frozenset({str, int, bool, type(None)})
_STRINGS = frozenset({str})


def encode(value: Any) -> bytes:
    """Encode like `standard.encode`."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return standard.encode(value)


def decode(text: bytes) -> Any:
    """Decode like `standard.decode`, except that integers beyond 64 bits become floats; the service never uses them."""
    try:
        return orjson.loads(text)
    except ValueError:
        # the standard library accepts NaN, infinities and escaped lone surrogates; else it raises the expected error
        return standard.decode(text)


def encode_data(data: Any) -> bytes:
    """Encode like `standard.encode_data`.

    orjson accepts more than JSON's own types (enums, UUIDs, dataclasses, dates), and writes NaN as null. `marshal` refuses all
    but Python's built-in types, and so detects the others at a tenth of the cost of a check in Python.
    """
    try:
        if type(data) is str:
            return orjson.dumps(data)
        marshalled = marshal.dumps(data)
        text = orjson.dumps(data)
    except (TypeError, ValueError):
        return standard.encode_data(data)  # raises an error with the path of the wrong value
    # null may have been NaN or an infinity, whose last byte is one of these two
    doubtful = b"null" in text and (b"\x7f" in marshalled or b"\xff" in marshalled)
    # many brackets may be nested too deeply; `{"` opens an object that is not empty, and `{` alone is often text
    if not doubtful and text.count(b"{") + text.count(b"[") > standard.MAX_DEPTH:
        doubtful = text.count(b'{"') + text.count(b"[") >= standard.MAX_DEPTH
    return text if not doubtful or _is_plain(data, standard.MAX_DEPTH) else standard.encode_data(data)


def _is_plain(value: Any, levels: int) -> bool:
    """Whether `value` consists of JSON's own types, with finite numbers, and not nested more than `levels` deep."""
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
    for item in items:  # noqa: SIM110 - faster than any(): calls only for containers and floats
        if type(item) not in _PLAIN and not _is_plain(item, levels - 1):
            return False
    return True
