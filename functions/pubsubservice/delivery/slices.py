"""Slices: events of one batch that a response delivers together, and how many of them fit into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pubsubservice.log.batch import Batch
from pubsubservice.subscribers.spans import Piece, Span, lowest, positions

__all__ = ["ADDED_BYTES", "MAX_RESPONSE_BYTES", "Slice", "fitting", "lines_of"]

#: bytes of events in one response
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
#: approximate bytes that the service adds to each event of a response
ADDED_BYTES = 450


class Slice(NamedTuple):
    """Events of one batch to be delivered in a response."""

    topic: str
    #: from the first to the last of the events
    span: Span
    #: bits of the delivered events within the span; the others were filtered out, or are settled or delayed
    picked: int
    batch: Batch
    #: the JSON of the delivered events
    lines: Sequence[bytes]

    @property
    def piece(self) -> Piece:
        return Piece(self.span, self.picked)

    @property
    def offsets(self) -> Sequence[int]:
        """The offset of each event from the first event of the span."""
        complete = len(self.lines) == self.span.stop - self.span.start
        return range(len(self.lines)) if complete else [*positions(self.picked)]

    @property
    def bytes(self) -> int:
        """Approximate size of the events in a response."""
        return sum(map(len, self.lines)) + ADDED_BYTES * len(self.lines)


def fitting(lines: Sequence[bytes], mask: int, room: int, *, at_least_one: bool) -> int:
    """Return the bits of the first selected events that fit into `room` bytes; with `at_least_one`, the first always does."""
    size = 0
    for fit, i in enumerate(positions(mask)):
        size += len(lines[i]) + ADDED_BYTES
        if size > room and (fit or not at_least_one):
            return mask & ((1 << i) - 1)
    return mask


def lines_of(lines: Sequence[bytes], mask: int) -> Sequence[bytes]:
    """Return the lines whose bit is set in a mask, of which at least one is."""
    low, high = lowest(mask), mask.bit_length()
    if mask.bit_count() == high - low:
        return lines[low:high]
    return [lines[i] for i in positions(mask)]
