"""Chooses how many events to hold, from the time that one takes."""

from __future__ import annotations

__all__ = ["Pace"]

#: how much work one fetch should bring, seconds. Kept short, because events leased to a process that is killed count as
#: failed once
_PREFETCH_S = 1.0
#: the highest factor between the sizes of a fetch and the next one
_GROWTH = 8


class Pace:
    """Chooses how many events to hold, so that they are about `ahead_s` seconds of work. It begins with one a slot.

    Args:
        max_events: the most events to hold
        slots: how many events are handled at one time
        ahead_s: how much work to hold, seconds
    """

    def __init__(self, max_events: int, *, slots: int = 1, ahead_s: float = _PREFETCH_S) -> None:
        self._max_events = max_events
        self._slots = min(slots, max_events)
        self._ahead_s = ahead_s
        self._size = self._slots
        #: exponential moving average of the seconds per event; None before the first event
        self._mean_s: float | None = None

    def took(self, seconds: float) -> None:
        """Record how long one event took."""
        self._mean_s = seconds if self._mean_s is None else 0.8 * self._mean_s + 0.2 * seconds

    def next_size(self) -> int:
        """Return how many events to hold from the next fetch on."""
        if self._mean_s is not None:
            in_time = round(self._slots * self._ahead_s / max(self._mean_s, 1e-6))
            self._size = max(self._slots, min(in_time, _GROWTH * self._size, self._max_events))
        return self._size
