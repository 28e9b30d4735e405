"""A subscriber's position in a log."""

from __future__ import annotations

import msgspec

__all__ = ["Position"]


class Position(msgspec.Struct, array_like=True):
    """The next event that a subscriber reads from one log. Stored as an array: never reorder the fields."""

    #: number of the batch that holds the next event
    seq: int = 1
    #: offset of the next event in that batch
    offset: int = 0
    #: log index of the next event
    index: int = 0
    #: store time at which the log was known to be complete up to this position, µs; 0 if no such time is known
    at: int = 0
