"""Events of one batch that a response delivers together, and how many of them fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pubsubservice.log.batch import Batch
from pubsubservice.subscribers.spans import Piece, Span, positions

__all__ = ["ADDED_BYTES", "MAX_RESPONSE_BYTES", "Slice", "fitting", "lines_of"]

#: bytes of events in one answer
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
#: what the service adds to each event of an answer, about
ADDED_BYTES = 450


class Slice(NamedTuple):
    """Events of one batch, to be delivered."""

    topic: str
    #: the first to the last of them
    span: Span
    #: bits of those that are meant; the span's others were left out by a filter, or are settled
    picked: int
    batch: Batch
    #: the JSON of those that are meant
    lines: Sequence[bytes]

    @property
    def piece(self) -> Piece:
        return Piece(self.span, self.picked)

    @property
    def bytes(self) -> int:
        """What they take in an answer, about."""
        return sum(map(len, self.lines)) + ADDED_BYTES * len(self.lines)


def fitting(lines: Sequence[bytes], mask: int, room: int, *, whatever: bool) -> int:
    """The first of these events that fit into `room` bytes of an answer; the first of all in any case, if `whatever`."""
    size = 0
    for fit, i in enumerate(positions(mask)):
        size += len(lines[i]) + ADDED_BYTES
        if size > room and (fit or not whatever):
            return mask & ((1 << i) - 1)
    return mask


def lines_of(lines: Sequence[bytes], mask: int) -> Sequence[bytes]:
    """The lines whose bit is set."""
    low, high = _lowest(mask), mask.bit_length()
    if mask.bit_count() == high - low:
        return lines[low:high]
    return [lines[i] for i in positions(mask)]


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
