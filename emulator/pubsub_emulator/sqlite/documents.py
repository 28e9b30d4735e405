"""Encodes documents as bytes (MessagePack)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pubsub_emulator.document_limits import check_document
from pubsubservice.storage.port import Fields

__all__ = ["decode", "encode"]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict)


def encode(path: str, data: Fields) -> bytes:
    """Return `data` as bytes. Raises Refused for a document that Firestore would not store."""
    check_document(path, data)
    return _encoder.encode(data)


def decode(blob: bytes, fields: Sequence[str] | None) -> Fields:
    """Return the fields encoded in `blob`, or only those named in `fields`."""
    data: dict[str, int | str | bytes | bool | None] = _decoder.decode(blob)
    if fields is None:
        return data
    return {field: data[field] for field in fields if field in data}
