"""The runtime of a process that can drain: every wait of the service ends once `drain` was called."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pubsubservice.core.runtime import SystemRuntime

__all__ = ["DrainingRuntime"]

#: how far the clock leaps: more than the longest wait of a request (20 s)
_LEAP_S = 30


class DrainingRuntime(SystemRuntime):
    """A `SystemRuntime` whose monotonic clock leaps forward at every reading once `drain` was called.

    Every long poll, also one that begins after `drain`, then finds its time up and responds with the events it has. Sleeps
    keep their length: they are short, and without them a write that is retried would be a busy loop.
    """

    def __init__(self) -> None:
        self._leaps: Iterator[int] = itertools.repeat(0)

    def drain(self) -> None:
        """End every wait, now and later."""
        self._leaps = itertools.count(_LEAP_S, _LEAP_S)

    def monotonic(self) -> float:
        """Return the monotonic clock, seconds, with the leaps since `drain`."""
        return super().monotonic() + next(self._leaps)
