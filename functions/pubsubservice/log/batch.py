"""Writes and reads batches. A batch is the document of the events that one commit appended to a log; it never changes.

Its blob holds one line per event, the bytes that were sent, compressed with zstd (RFC 8878) at level 1. Events of one batch
resemble each other, so compression shrinks them to about a quarter, at no cost in time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Generic, NamedTuple, TypeVar

import msgspec
import zstandard

from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.paths import seq_of
from pubsubservice.storage.port import Doc, Fields

__all__ = ["HEAD_FIELDS", "MAX_BATCH_BYTES", "Batch", "Origin", "compress", "document", "document_bytes", "last_due"]

#: most bytes of a batch's document, hashes included
MAX_BATCH_BYTES = 1_000_000
#: the fields of a batch's head: its position in the log and the hashes of its events' identities, without the events
HEAD_FIELDS = ("format", "count", "first", "hashes")
#: most bytes of a decompressed blob, which is never larger than a request's JSON: a guard against corrupt frames
_MAX_BLOB_BYTES = 32 * 1024 * 1024
#: blobs from this size on are kept decompressed for a while (see `_cached_lines`); texts, compressed by a context of their own
_LARGE_BYTES = 16 * 1024


class Origin(NamedTuple):
    """The publisher and delay of consecutive events of a batch that came with one request."""

    publisher: str
    #: number of events
    events: int
    #: how long after the commit the events are held back, milliseconds
    delay_ms: int = 0


_Context = TypeVar("_Context")


class _Contexts(Generic[_Context]):
    """Contexts of zstd to be used again, because to make one takes longer than to compress an event.

    Only one thread at a time may use a context, and one that has failed is not given back.
    """

    def __init__(self, make: Callable[[], _Context]) -> None:
        self._make = make
        self._idle: deque[_Context] = deque(maxlen=2)

    def take(self) -> _Context:
        try:
            return self._idle.pop()
        except IndexError:
            return self._make()

    def give_back(self, context: _Context) -> None:
        self._idle.append(context)


_compressors = _Contexts(partial(zstandard.ZstdCompressor, level=1))
_decompressors = _Contexts(zstandard.ZstdDecompressor)
_origins_encoder = msgspec.msgpack.Encoder()
_origins_decoder = msgspec.msgpack.Decoder(list[Origin])


def compress(lines: Sequence[bytes]) -> bytes:
    """Return the blob of the events with these lines."""
    text = b"\n".join(lines)
    if len(text) >= _LARGE_BYTES:  # a context keeps memory for the largest text that it has compressed
        return zstandard.ZstdCompressor(level=1).compress(text)
    compressor = _compressors.take()
    blob = compressor.compress(text)
    _compressors.give_back(compressor)
    return blob


def document_bytes(blob: bytes, count: int) -> int:
    """Return an upper bound for the size of a batch's document, in bytes."""
    return len(blob) + 8 * count + 4_096


def document(blob: bytes, first: int, hashes: Sequence[bytes], origins: Sequence[Origin]) -> Fields:
    """Return the fields of a batch's document.

    Args:
        blob: the compressed events
        first: log index of the batch's first event
        hashes: 8-byte hash of each event's identity
        origins: publishers and delays; together they cover all events
    """
    return {
        "format": FORMAT,
        "blob": blob,
        "count": len(hashes),
        "first": first,
        "hashes": b"".join(hashes),
        "origins": _origins_encoder.encode(origins),
    }


def last_due(doc: Doc) -> int:
    """Return when the last event of a batch becomes visible, µs: the commit time plus the longest delay."""
    origins = _origins_decoder.decode(doc.data["origins"])  # type: ignore[arg-type]
    return doc.created + 1_000 * max(origin.delay_ms for origin in origins)


def _lines(blob: bytes) -> Sequence[bytes]:
    size = zstandard.frame_content_size(blob)
    decompressor = _decompressors.take()
    text = decompressor.decompress(blob, max_output_size=min(max(size, 0), _MAX_BLOB_BYTES))
    _decompressors.give_back(decompressor)
    return text.split(b"\n")


#: the lines of the large batches read last: several subscribers, or responses that end within a batch, need them again
_cached_lines = lru_cache(maxsize=4)(_lines)


class Batch:
    """A batch read from the store: its position in the log, and its events on demand. Raises Unavailable (newer format)."""

    __slots__ = ("_blob", "_origins", "count", "created", "first", "seq")

    def __init__(self, doc: Doc) -> None:
        check_format(doc)
        data = doc.data
        self.seq = seq_of(doc.path)
        #: commit time, µs
        self.created = doc.created
        self.count: int = data["count"]  # type: ignore[assignment]
        #: log index of the batch's first event
        self.first: int = data["first"]  # type: ignore[assignment]
        self._blob: bytes = data["blob"]  # type: ignore[assignment]
        self._origins: bytes = data["origins"]  # type: ignore[assignment]

    @property
    def stored_bytes(self) -> int:
        """The approximate size of the batch's document, bytes."""
        return len(self._blob) + 8 * self.count

    def lines(self) -> Sequence[bytes]:
        """Return the JSON of each event."""
        return _cached_lines(self._blob) if len(self._blob) >= _LARGE_BYTES else _lines(self._blob)

    def publisher_of(self, offset: int) -> str:
        """Return the publisher of the event at `offset`; raises IndexError behind the last event."""
        for origin in _origins_decoder.decode(self._origins):
            if offset < origin.events:
                return origin.publisher
            offset -= origin.events
        raise IndexError(offset)

    def due_at(self, offset: int) -> tuple[int, int]:
        """Return when the event at `offset` becomes visible, and the events of the batch that share this time.

        Returns:
            (commit time plus the event's delay, µs; a bit mask with bit n set for the event at offset n)
        """
        for mask, visible_us in self.delays():
            if mask >> offset & 1:
                return visible_us, mask
        return self.created, self._undelayed()

    def delays(self) -> list[tuple[int, int]]:
        """Return (bit mask of events, when they become visible, µs) for each origin that was published with a delay."""
        found, offset = [], 0
        for origin in _origins_decoder.decode(self._origins):
            if origin.delay_ms:
                found.append((((1 << origin.events) - 1) << offset, self.created + 1_000 * origin.delay_ms))
            offset += origin.events
        return found

    def _undelayed(self) -> int:
        """Return the bit mask of the events that were published without a delay."""
        mask = (1 << self.count) - 1
        for delayed, _ in self.delays():
            mask &= ~delayed
        return mask
