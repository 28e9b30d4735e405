"""The process as the service sees it, with an end: waiting is over for everyone once it drains."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pubsubservice.core.runtime import SystemRuntime

__all__ = ["DrainingRuntime"]

#: more than any request may wait (20 s)
_LEAP_S = 30


class DrainingRuntime(SystemRuntime):
    """`SystemRuntime` whose clock leaps forward at every look once `drain` was called.

    A long poll then finds its time up and answers with what there is, also one that begins only now. Sleeps stay
    what they are: they are short, and what still retries a write shall not do so in a tight loop.
    """

    def __init__(self) -> None:
        self._leaps: Iterator[int] = itertools.repeat(0)

    def drain(self) -> None:
        """Let every wait come to its end."""
        self._leaps = itertools.count(_LEAP_S, _LEAP_S)

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return super().monotonic() + next(self._leaps)
