"""Checks documents against Firestore's limits.

The limits are Firestore's (https://firebase.google.com/docs/firestore/quotas#limits), so that every document that works
on a laptop works in the cloud: at most 1 MiB per document, counted as Firestore does; integers of 64 bits; ids other than
``.``, ``..`` and ``__x__``.
"""

from __future__ import annotations

import re

from pubsubservice.storage.port import Fields, Refused

__all__ = ["check_collection", "check_document", "split"]

#: Firestore's limit of a document, with its name and field names, bytes
_MAX_BYTES = 1_048_576
#: Firestore's limit of one value, bytes: 1 MiB less 89
_MAX_VALUE_BYTES = 1_048_487

#: bytes of the field ``_revision``, an integer that the Firestore adapter adds to each document
_REVISION_BYTES = 10 + 8

_SEGMENT = r"(?!\.{1,2}(?:/|$))(?!__[^/]*__(?:/|$))[^/]{1,1500}"
_DOCUMENT = re.compile(rf"{_SEGMENT}/{_SEGMENT}(?:/{_SEGMENT}/{_SEGMENT})*")
_COLLECTION = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}/{_SEGMENT})*")


def split(path: str) -> tuple[str, str]:
    """Split a document's path into its collection and its id. Raises Refused for a malformed path."""
    if not _DOCUMENT.fullmatch(path):
        raise Refused(f"not a document path: {path[:200]!r}")
    collection, _, name = path.rpartition("/")
    return collection, name


def check_collection(collection: str) -> None:
    """Raise Refused unless `collection` is a well-formed path of a collection."""
    if not _COLLECTION.fullmatch(collection):
        raise Refused(f"not a collection path: {collection[:200]!r}")


def check_document(path: str, data: Fields) -> None:
    """Raise Refused for a document that Firestore would not store."""
    # https://firebase.google.com/docs/firestore/storage-size: the name (its segments, one byte each, and 16), the names and
    # values of the fields, and 32. The segments with one byte each are as long as the path and one byte.
    size = _text_size(path) + 16 + 32 + _REVISION_BYTES
    for field, value in data.items():
        size += _text_size(field) + _value_size(field, value)
    if size > _MAX_BYTES:
        raise Refused(f"{path}: a document of {size:,} bytes is over the limit of {_MAX_BYTES:,}")


def _value_size(field: str, value: object) -> int:
    # bool first, because a bool is an int
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
