"""Compact sets of events by their offsets in batches; leases and due entries of a subscriber's document consist of them.

A set is a list of spans and a mask: bit 0 stands for the first event of the first span, and the bits of each span follow
those of the span before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

__all__ = [
    "Piece", "Span", "bits_to_bytes", "bytes_to_bits", "cover", "first_bits", "first_of", "lowest", "mask_of",
    "mask_of_numbers", "mask_of_pieces", "pack", "pieces", "positions", "select", "unpack",
]  # fmt: skip

#: larger than any log index
_MAX_INDEX = 1 << 62

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode


class Span(NamedTuple):
    """The events at the offsets [start, stop) of one batch."""

    #: number of the subscription; a topic that is unsubscribed and subscribed again gets a new one
    number: int
    partition: int
    #: number of the batch
    seq: int
    start: int
    stop: int
    #: log index of the event at `start`
    first: int


class Piece(NamedTuple):
    """The events of a span whose bit is set; the first and the last event of the span always are."""

    span: Span
    mask: int

    @property
    def size(self) -> int:
        """The number of events."""
        return self.mask.bit_count()


def pack(spans: Iterable[Span]) -> bytes:
    """Pack spans as small integers: differences from the preceding span of the same log."""
    flat: list[int] = []
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for span in spans:
        seq, index = last.get(span[:2], (0, 0))
        length = span.stop - span.start
        flat += (span.number, span.partition, span.seq - seq, span.start, length, span.first - index)
        last[span[:2]] = (span.seq, span.first + length)
    return _encode(flat)


def unpack(packed: bytes) -> list[Span]:
    """Return the spans that `pack` packed."""
    flat = iter(_decode(packed))
    spans: list[Span] = []
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for number, partition, seq_step, start, length, index_step in zip(*[flat] * 6, strict=True):
        seq, index = last.get((number, partition), (0, 0))
        span = Span(number, partition, seq + seq_step, start, start + length, index + index_step)
        last[(number, partition)] = (span.seq, span.first + length)
        spans.append(span)
    return spans


def lowest(mask: int) -> int:
    """Return the index of the lowest set bit; -1 if no bit is set."""
    return (mask & -mask).bit_length() - 1


def _per_span(spans: Sequence[Span], mask: int) -> Iterator[tuple[Span, int]]:
    """Yield each span with its own bits of a mask."""
    bit = 0
    for span in spans:
        length = span.stop - span.start
        yield span, (mask >> bit) & ((1 << length) - 1)
        bit += length


def select(spans: Sequence[Span], mask: int) -> list[Span]:
    """Return gap-free spans of the events whose bit is set."""
    chosen = []
    for span, bits in _per_span(spans, mask):
        for low, high in _runs(bits):
            chosen.append(span._replace(start=span.start + low, stop=span.start + high, first=span.first + low))
    return chosen


def mask_of(spans: Sequence[Span], wanted: Iterable[tuple[int, int, int]]) -> int:
    """Return the bits of the events named by (subscription number, partition, log index); events in no span are ignored.

    Overlapping spans each have a bit for an event; all but one of them mark it as a hole.
    """
    ranges: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    bit = 0
    for span in spans:
        length = span.stop - span.start
        ranges.setdefault(span[:2], []).append((span.first, span.first + length, bit))
        bit += length
    #: the highest end of the spans up to each one: the search backwards stops where no earlier span can hold the event
    reaches: dict[tuple[int, int], list[int]] = {}
    for log, in_log in ranges.items():
        in_log.sort()
        reaches[log] = list(accumulate((end for _, end, _ in in_log), max))
    mask = 0
    for number, partition, index in wanted:
        in_log, reach = ranges.get((number, partition), []), reaches.get((number, partition), [])
        nearest = bisect_right(in_log, (index, _MAX_INDEX, 0)) - 1
        while nearest >= 0 and index < reach[nearest]:
            low, end, first_bit = in_log[nearest]
            if index < end:
                mask |= 1 << (first_bit + index - low)
            nearest -= 1
    return mask


def pieces(spans: Sequence[Span], mask: int) -> list[Piece]:
    """Return the events whose bit is set, as one piece per span."""
    chosen = []
    for span, bits in _per_span(spans, mask):
        if bits:
            low, high = lowest(bits), bits.bit_length()
            part = span._replace(start=span.start + low, stop=span.start + high, first=span.first + low)
            chosen.append(Piece(part, bits >> low))
    return chosen


def cover(parts: Iterable[Piece]) -> tuple[list[Span], int]:
    """Return the spans of these pieces, and the bits of their holes: events in a span that its piece does not select."""
    spans: list[Span] = []
    holes = bit = 0
    for span, mask in parts:
        length = span.stop - span.start
        holes |= (((1 << length) - 1) & ~mask) << bit
        bit += length
        spans.append(span)
    return spans, holes


def first_of(parts: Sequence[Piece], max_events: int, max_pieces: int) -> list[Piece]:
    """Return the first events of `parts`, within both limits."""
    chosen = []
    for piece in parts[:max_pieces]:
        if max_events <= 0:
            break
        kept = first_bits(piece.mask, max_events)
        chosen.append(Piece(piece.span._replace(stop=piece.span.start + kept.bit_length()), kept))
        max_events -= kept.bit_count()
    return chosen


def first_bits(mask: int, count: int) -> int:
    """Return the lowest `count` set bits of a mask."""
    if mask.bit_count() <= count:
        return mask
    kept = 0
    for low, high in _runs(mask):
        taken = min(high - low, count)
        kept |= ((1 << taken) - 1) << low
        count -= taken
        if not count:
            break
    return kept


def positions(mask: int) -> Iterator[int]:
    """Yield the indexes of the set bits, ascending."""
    for low, high in _runs(mask):
        yield from range(low, high)


def mask_of_pieces(spans: Sequence[Span], chosen: Iterable[Piece]) -> int:
    """Return the bits within `spans` of the events of these pieces."""
    mask = bit = 0
    wanted: dict[tuple[int, int, int], list[Piece]] = {}
    for piece in chosen:
        wanted.setdefault(piece.span[:3], []).append(piece)
    for span in spans:
        for part, bits in wanted.get(span[:3], ()):
            low, high = max(span.start, part.start), min(span.stop, part.stop)
            if low < high:
                mask |= ((bits >> (low - part.start)) & ((1 << (high - low)) - 1)) << (bit + low - span.start)
        bit += span.stop - span.start
    return mask


def mask_of_numbers(spans: Iterable[Span], numbers: Container[int]) -> int:
    """Return the bits of the events of the subscriptions with these numbers."""
    mask = bit = 0
    for span in spans:
        length = span.stop - span.start
        if span.number in numbers:
            mask |= ((1 << length) - 1) << bit
        bit += length
    return mask


def bits_to_bytes(bits: int) -> bytes:
    """Pack bits as runs or as a bitmap, whichever is smaller; b"" if none is set."""
    if not bits:
        return b""
    bitmap = b"\x00" + bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    if len(bitmap) <= 8:
        return bitmap
    flat: list[int] = []
    bit = 0
    for low, high in _runs(bits):
        flat += (low - bit, high - low)
        bit = high
        if len(flat) >= len(bitmap):
            return bitmap
    runs = b"\x01" + _encode(flat)
    return min(runs, bitmap, key=len)


def bytes_to_bits(packed: bytes) -> int:
    """Return the bits that `bits_to_bytes` packed."""
    if not packed:
        return 0
    if packed[0] == 0:
        return int.from_bytes(packed[1:], "little")
    flat = iter(_decode(packed[1:]))
    bits = bit = 0
    for gap, length in zip(*[flat] * 2, strict=True):
        bits |= ((1 << length) - 1) << (bit + gap)
        bit += gap + length
    return bits


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of set bits as [low, high), ascending."""
    bit = 0
    while bits:
        low = lowest(bits)
        bits >>= low
        length = (~bits & (bits + 1)).bit_length() - 1
        bits >>= length
        bit += low
        yield bit, bit + length
        bit += length
