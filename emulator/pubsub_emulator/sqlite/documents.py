"""Documents as bytes: which paths and values the store takes, and how a row keeps them.

The rules are Firestore's (https://firebase.google.com/docs/firestore/quotas#limits), so that what works on a
laptop works in the cloud: a document of at most 1 MiB by Firestore's own way of counting, integers of 64
bits, ids that are not ``.``, ``..`` or ``__x__``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pubsubservice.storage.port import Fields, Refused

__all__ = ["check_collection", "decode", "encode", "split"]

#: Firestore's hard limit of a document, name and field names included
_MAX_BYTES = 1_048_576
#: and of one value: 1 MiB less 89 bytes
_MAX_VALUE_BYTES = 1_048_487

#: what the Firestore adapter adds to each document: the field ``_revision``, an integer
_REVISION_BYTES = 10 + 8

_SEGMENT = r"(?!\.{1,2}(?:/|$))(?!__[^/]*__(?:/|$))[^/]{1,1500}"
_DOCUMENT = re.compile(rf"{_SEGMENT}/{_SEGMENT}(?:/{_SEGMENT}/{_SEGMENT})*")
_COLLECTION = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}/{_SEGMENT})*")

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict)


def split(path: str) -> tuple[str, str]:
    """Split a document's path into its collection and its id. Raises Refused for a path that is none."""
    if not _DOCUMENT.fullmatch(path):
        raise Refused(f"not a document path: {path[:200]!r}")
    collection, _, name = path.rpartition("/")
    return collection, name


def check_collection(collection: str) -> None:
    """Raise Refused unless `collection` is the path of a collection."""
    if not _COLLECTION.fullmatch(collection):
        raise Refused(f"not a collection path: {collection[:200]!r}")


def encode(path: str, data: Fields) -> bytes:
    """Return the bytes that keep `data`. Raises Refused if the store would not take the document."""
    # https://firebase.google.com/docs/firestore/storage-size: the name, the fields' names and values, and 32
    # (a path's segments and one byte each are as long as the path and one byte)
    size = _text_size(path) + 16 + 32 + _REVISION_BYTES
    for field, value in data.items():
        size += _text_size(field) + _value_size(field, value)
    if size > _MAX_BYTES:
        raise Refused(f"{path}: a document of {size:,} bytes is over the limit of {_MAX_BYTES:,}")
    return _encoder.encode(data)


def decode(blob: bytes, fields: Sequence[str] | None) -> Fields:
    """Return the fields that `blob` keeps, or those of them named in `fields`."""
    data: dict[str, int | str | bytes | bool | None] = _decoder.decode(blob)
    if fields is None:
        return data
    return {field: data[field] for field in fields if field in data}


def _value_size(field: str, value: object) -> int:
    # bool before int: it is one
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Refused(f"{field}: {value} does not fit into 64 bits")
        return 8
    if isinstance(value, bytes):
        size = len(value)
    elif isinstance(value, str):
        size = _text_size(value)
    else:
        raise Refused(f"{field}: a {type(value).__name__} cannot be stored")
    if size > _MAX_VALUE_BYTES:
        raise Refused(f"{field}: a value of {size:,} bytes is over the limit of {_MAX_VALUE_BYTES:,}")
    return size


def _text_size(text: str) -> int:
    if text.isascii():
        return len(text) + 1
    try:
        return len(text.encode()) + 1
    except UnicodeEncodeError:
        raise Refused(f"not valid Unicode: {text[:200]!r}") from None
