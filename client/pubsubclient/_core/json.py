"""Encodes and decodes all JSON of the client: strict, compact, UTF-8.

Uses orjson if it is installed (``pip install 'pubsubclient[fast]'``), else the standard library. Both accept and refuse the
same values, with the same exceptions.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from pubsubclient._core import json_stdlib as standard

try:
    from pubsubclient._core import json_orjson as _codec
except ImportError:
    _codec = standard  # type: ignore[misc]

__all__ = ["decode", "encode", "encode_data"]

#: garbage collection is paused while a response of at least this size is decoded
_LARGE_BYTES = 64 * 1024

encode: Callable[[Any], bytes] = _codec.encode
encode_data: Callable[[Any], bytes] = _codec.encode_data


def decode(text: bytes) -> Any:
    """Decode JSON. Raises ValueError if `text` is not JSON in UTF-8."""
    if len(text) < _LARGE_BYTES or not gc.isenabled():
        return _codec.decode(text)
    # A large response becomes many new objects and no garbage; they would start many collections that find nothing.
    gc.disable()
    try:
        return _codec.decode(text)
    finally:
        gc.enable()
