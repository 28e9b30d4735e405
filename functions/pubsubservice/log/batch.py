"""A batch: the events that one commit appended to a log, as a document, and as it is read back.

The blob is one line per event, the bytes that were sent, compressed with zstd (RFC 8878) at level 1: events of one batch
resemble each other, so this shrinks them about fourfold at no cost in time. A batch is never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import zstandard

from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.paths import seq_of
from pubsubservice.storage.port import Doc, Fields

__all__ = ["HEAD_FIELDS", "MAX_BATCH_BYTES", "Batch", "Origin", "compress", "document", "document_bytes", "last_due"]

#: a batch's whole document, hashes included, bytes
MAX_BATCH_BYTES = 1_000_000
#: the fields that tell a batch's identities and its place, without its events
HEAD_FIELDS = ("format", "count", "first", "hashes")
#: a decompressed blob is never larger than a request's JSON; a limit against a corrupt frame
_MAX_BLOB_BYTES = 32 * 1024 * 1024
#: from here on a blob is not decompressed again at once
_LARGE_BYTES = 16 * 1024


class Origin(NamedTuple):
    """A run of consecutive events of a batch that came with one request."""

    publisher: str
    events: int
    #: how long after the commit they are kept back, milliseconds
    delay_ms: int = 0


_origins_encoder = msgspec.msgpack.Encoder()
_origins_decoder = msgspec.msgpack.Decoder(list[Origin])


def compress(lines: Sequence[bytes]) -> bytes:
    """The blob of these lines."""
    return zstandard.ZstdCompressor(level=1).compress(b"\n".join(lines))


def document_bytes(blob: bytes, count: int) -> int:
    """An upper bound of the size of a batch's document, in bytes."""
    return len(blob) + 8 * count + 4_096


def document(blob: bytes, first: int, hashes: Sequence[bytes], origins: Sequence[Origin]) -> Fields:
    """The document of a batch; `first` is the index of its first event in the log."""
    return {
        "format": FORMAT,
        "blob": blob,
        "count": len(hashes),
        "first": first,
        "hashes": b"".join(hashes),
        "origins": _origins_encoder.encode(origins),
    }


def last_due(doc: Doc) -> int:
    """When the last event of a batch may be delivered: its commit time, or the end of its delay after that; µs."""
    origins = _origins_decoder.decode(doc.data["origins"])  # type: ignore[arg-type]
    return doc.created + 1_000 * max(origin.delay_ms for origin in origins)


def _lines(blob: bytes) -> Sequence[bytes]:
    size = zstandard.frame_content_size(blob)
    text = zstandard.ZstdDecompressor().decompress(blob, max_output_size=min(max(size, 0), _MAX_BLOB_BYTES))
    return text.split(b"\n")


#: the lines of large batches lately read: several subscribers, or answers that end within a batch, have them once
_lines_again = lru_cache(maxsize=4)(_lines)


class Batch:
    """A batch as it was read: its place in the log, and its events on demand."""

    __slots__ = ("_blob", "_origins", "count", "created", "first", "seq")

    def __init__(self, doc: Doc) -> None:
        check_format(doc)
        data = doc.data
        self.seq = seq_of(doc.path)
        #: commit time, µs
        self.created = doc.created
        self.count: int = data["count"]  # type: ignore[assignment]
        #: index of its first event in the log
        self.first: int = data["first"]  # type: ignore[assignment]
        self._blob: bytes = data["blob"]  # type: ignore[assignment]
        self._origins: bytes = data["origins"]  # type: ignore[assignment]

    @property
    def stored_bytes(self) -> int:
        """What its document takes, about."""
        return len(self._blob) + 8 * self.count

    def lines(self) -> Sequence[bytes]:
        """Its events' JSON, one line each."""
        return _lines_again(self._blob) if len(self._blob) >= _LARGE_BYTES else _lines(self._blob)

    def publisher_of(self, offset: int) -> str:
        """Who published the event at `offset`."""
        for origin in _origins_decoder.decode(self._origins):
            if offset < origin.events:
                return origin.publisher
            offset -= origin.events
        raise IndexError(offset)

    def due_at(self, offset: int) -> tuple[int, int]:
        """When the event at `offset` may be delivered (its commit time, or its delay after that; µs), and all like it."""
        for bits, at in self.delays():
            if bits >> offset & 1:
                return at, bits
        return self.created, self._undelayed()

    def delays(self) -> list[tuple[int, int]]:
        """(bits of events, when they may be delivered, µs) for events that were published with a delay."""
        found, at = [], 0
        for origin in _origins_decoder.decode(self._origins):
            if origin.delay_ms:
                found.append((((1 << origin.events) - 1) << at, self.created + 1_000 * origin.delay_ms))
            at += origin.events
        return found

    def _undelayed(self) -> int:
        bits = (1 << self.count) - 1
        for delayed, _ in self.delays():
            bits &= ~delayed
        return bits
