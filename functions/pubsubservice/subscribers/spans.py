"""Sets of events by their places, packed small: what a lease or a due entry of a subscriber's document consists of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

__all__ = [
    "Piece", "Span", "bits_to_bytes", "bytes_to_bits", "cover", "first_bits", "first_of", "mask_of", "mask_of_numbers",
    "mask_of_pieces", "pack", "pieces", "positions", "select", "unpack",
]  # fmt: skip

#: longer than any span
_FAR = 1 << 62

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode


class Span(NamedTuple):
    """The events [start, stop) of one batch."""

    #: number of the subscription (a topic subscribed again gets a new one)
    number: int
    partition: int
    #: number of the batch
    seq: int
    start: int
    stop: int
    #: log index of the event at `start`
    first: int


class Piece(NamedTuple):
    """Some events of a span: those whose bit is set, the lowest and the highest always."""

    span: Span
    mask: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.mask.bit_count()


def pack(spans: Iterable[Span]) -> bytes:
    """Spans as small integers: of each log, differences from its span before."""
    flat: list[int] = []
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for span in spans:
        seq, index = last.get(span[:2], (0, 0))
        length = span.stop - span.start
        flat += (span.number, span.partition, span.seq - seq, span.start, length, span.first - index)
        last[span[:2]] = (span.seq, span.first + length)
    return _encode(flat)


def unpack(packed: bytes) -> list[Span]:
    """What `pack` packed."""
    flat = iter(_decode(packed))
    spans: list[Span] = []
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for number, partition, seq_step, start, length, index_step in zip(*[flat] * 6, strict=True):
        seq, index = last.get((number, partition), (0, 0))
        span = Span(number, partition, seq + seq_step, start, start + length, index + index_step)
        last[(number, partition)] = (span.seq, span.first + length)
        spans.append(span)
    return spans


def select(spans: Sequence[Span], mask: int) -> list[Span]:
    """The spans of the events whose bit is set; event 0 is the first of the first span."""
    chosen = []
    at = 0
    for span in spans:
        length = span.stop - span.start
        bits = (mask >> at) & ((1 << length) - 1)
        at += length
        for low, high in _runs(bits):
            chosen.append(span._replace(start=span.start + low, stop=span.start + high, first=span.first + low))
    return chosen


def mask_of(spans: Sequence[Span], wanted: Iterable[tuple[int, int, int]]) -> int:
    """The bits of the events named by (subscription number, partition, log index); others are passed over.

    Where spans overlap, an event has a bit in each: in one as what it is, in others as what they hold in between.
    """
    places: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    at = 0
    for span in spans:
        length = span.stop - span.start
        places.setdefault(span[:2], []).append((span.first, span.first + length, at))
        at += length
    #: how far the spans up to each one reach, so that looking back ends where nothing can hold the event any more
    reaches: dict[tuple[int, int], list[int]] = {}
    for log, in_log in places.items():
        in_log.sort()
        reaches[log] = list(accumulate((end for _, end, _ in in_log), max))
    mask = 0
    for number, partition, index in wanted:
        in_log, reach = places.get((number, partition), []), reaches.get((number, partition), [])
        nearest = bisect_right(in_log, (index, _FAR, 0)) - 1
        while nearest >= 0 and index < reach[nearest]:
            low, end, first = in_log[nearest]
            if index < end:
                mask |= 1 << (first + index - low)
            nearest -= 1
    return mask


def pieces(spans: Sequence[Span], mask: int) -> list[Piece]:
    """The events whose bit is set, span by span; event 0 is the first of the first span."""
    chosen = []
    at = 0
    for span in spans:
        length = span.stop - span.start
        bits = (mask >> at) & ((1 << length) - 1)
        at += length
        if bits:
            low, high = (bits & -bits).bit_length() - 1, bits.bit_length()
            part = span._replace(start=span.start + low, stop=span.start + high, first=span.first + low)
            chosen.append(Piece(part, bits >> low))
    return chosen


def cover(parts: Iterable[Piece]) -> tuple[list[Span], int]:
    """Spans that hold these events, and the bits of those that they hold in between."""
    spans: list[Span] = []
    holes = at = 0
    for span, mask in parts:
        length = span.stop - span.start
        holes |= (((1 << length) - 1) & ~mask) << at
        at += length
        spans.append(span)
    return spans, holes


def first_of(parts: Sequence[Piece], max_events: int, max_pieces: int) -> list[Piece]:
    """The first of these events, in at most so many pieces."""
    chosen = []
    for piece in parts[:max_pieces]:
        if max_events <= 0:
            break
        kept = first_bits(piece.mask, max_events)
        chosen.append(Piece(piece.span._replace(stop=piece.span.start + kept.bit_length()), kept))
        max_events -= kept.bit_count()
    return chosen


def first_bits(mask: int, count: int) -> int:
    """The lowest `count` set bits of a mask."""
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
    """The places of the set bits."""
    for low, high in _runs(mask):
        yield from range(low, high)


def mask_of_pieces(spans: Sequence[Span], chosen: Iterable[Piece]) -> int:
    """The bits, among the events of `spans`, of those of `chosen`."""
    mask = at = 0
    wanted: dict[tuple[int, int, int], list[Piece]] = {}
    for piece in chosen:
        wanted.setdefault(piece.span[:3], []).append(piece)
    for span in spans:
        for part, bits in wanted.get(span[:3], ()):
            low, high = max(span.start, part.start), min(span.stop, part.stop)
            if low < high:
                mask |= ((bits >> (low - part.start)) & ((1 << (high - low)) - 1)) << (at + low - span.start)
        at += span.stop - span.start
    return mask


def mask_of_numbers(spans: Iterable[Span], numbers: Container[int]) -> int:
    """The bits of the events of these subscriptions."""
    mask = at = 0
    for span in spans:
        length = span.stop - span.start
        if span.number in numbers:
            mask |= ((1 << length) - 1) << at
        at += length
    return mask


def bits_to_bytes(bits: int) -> bytes:
    """A set of bits, as runs or as a bitmap, whichever is smaller."""
    if not bits:
        return b""
    bitmap = b"\x00" + bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    if len(bitmap) <= 8:
        return bitmap
    flat: list[int] = []
    at = 0
    for low, high in _runs(bits):
        flat += (low - at, high - low)
        at = high
        if len(flat) >= len(bitmap):
            return bitmap
    runs = b"\x01" + _encode(flat)
    return min(runs, bitmap, key=len)


def bytes_to_bits(packed: bytes) -> int:
    """What `bits_to_bytes` packed."""
    if not packed:
        return 0
    if packed[0] == 0:
        return int.from_bytes(packed[1:], "little")
    flat = iter(_decode(packed[1:]))
    bits = at = 0
    for gap, length in zip(*[flat] * 2, strict=True):
        bits |= ((1 << length) - 1) << (at + gap)
        at += gap + length
    return bits


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits, as [low, high)."""
    at = 0
    while bits:
        low = (bits & -bits).bit_length() - 1
        bits >>= low
        length = (~bits & (bits + 1)).bit_length() - 1
        bits >>= length
        at += low
        yield at, at + length
        at += length
