"""Delayed events: read from the log in its order, and kept as due entries of the document until their delay is over."""

from __future__ import annotations

from pubsubservice.subscribers.records import Due
from pubsubservice.subscribers.spans import Piece
from pubsubservice.subscribers.state import State

__all__ = ["Delays"]

_SECOND = 1_000_000


class Delays:
    """Gathers the delayed events that one call reads.

    Args:
        now: the store time of the state, µs
        max_spans: how many spans of delayed events a state may hold
    """

    def __init__(self, state: State, now: int, max_spans: int) -> None:
        self.now = now
        self._max_spans = max_spans
        self._state = state
        self._spans: int | None = None
        #: by the time when they are due, µs
        self._added: dict[int, list[Piece]] = {}

    def add(self, events: Piece, due_us: int) -> bool:
        """Hold events back until `due_us`, rounded up to the second so that they share entries; False if the state is full."""
        if self._spans is None:
            self._spans = sum(len(due.spans) for due in self._state.due if due.delayed)
        if self._spans >= self._max_spans:
            return False
        self._added.setdefault(-(-due_us // _SECOND) * _SECOND, []).append(events)
        self._spans += 1
        return True

    def keep(self) -> None:
        """Put the added events into the state's due entries."""
        if not self._added:
            return
        entries = {due.at: due for due in self._state.due if due.delayed}
        for due_us, events in self._added.items():
            if due_us not in entries:
                entries[due_us] = Due(due_us, 1, delayed=True)
                self._state.due.append(entries[due_us])
            entries[due_us].add(events)
        self._added.clear()
