"""JSON as the service reads it: strict, compact, UTF-8.

The only place that encodes or decodes: by orjson where it is installed (``pip install 'pubsubclient[fast]'``), else by
the standard library. Both accept and refuse the same, with the same exceptions.
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

#: from here on garbage collection is paused while an answer is decoded
_LARGE_BYTES = 64 * 1024

encode: Callable[[Any], bytes] = _codec.encode
encode_data: Callable[[Any], bytes] = _codec.encode_data


def decode(text: bytes) -> Any:
    """A value from JSON. Raises ValueError if `text` is not JSON in UTF-8."""
    if len(text) < _LARGE_BYTES or not gc.isenabled():
        return _codec.decode(text)
    # A large answer is many new objects and no garbage: each run of the collector, and there would be many, finds nothing.
    gc.disable()
    try:
        return _codec.decode(text)
    finally:
        gc.enable()
