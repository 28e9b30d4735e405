"""How far a reader is in a log."""

from __future__ import annotations

import msgspec

__all__ = ["Position"]


class Position(msgspec.Struct, array_like=True):
    """How far a subscriber is in one log."""

    #: the batch that holds the next event
    seq: int = 1
    #: the next event within it
    offset: int = 0
    #: the next event's log index
    index: int = 0
    #: when the log up to here was known to be there: a create time, µs; 0 when never
    at: int = 0
