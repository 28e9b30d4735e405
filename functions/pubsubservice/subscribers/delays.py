"""Events that were published with a delay: read from their log in its order, and kept in the document until their second."""

from __future__ import annotations

from pubsubservice.subscribers.records import Due
from pubsubservice.subscribers.spans import Piece
from pubsubservice.subscribers.state import State

__all__ = ["Delays"]

_SECOND = 1_000_000


class Delays:
    """Gathers the delayed events of one call at `now`, µs of store time; at most `max_spans` wait in a state at once."""

    def __init__(self, state: State, now: int, max_spans: int) -> None:
        self.now = now
        self._max_spans = max_spans
        self._state = state
        self._spans: int | None = None
        #: by when they are due
        self._added: dict[int, list[Piece]] = {}

    def add(self, events: Piece, at: int) -> bool:
        """Keep events back until `at`, rounded up to the second, which they share; False when there is no room."""
        if self._spans is None:
            self._spans = sum(len(due.spans) for due in self._state.due if due.delayed)
        if self._spans >= self._max_spans:
            return False
        self._added.setdefault(-(-at // _SECOND) * _SECOND, []).append(events)
        self._spans += 1
        return True

    def keep(self) -> None:
        """Put what was added into the state."""
        if not self._added:
            return
        entries = {due.at: due for due in self._state.due if due.delayed}
        for at, events in self._added.items():
            if at not in entries:
                entries[at] = Due(at, 1, delayed=True)
                self._state.due.append(entries[at])
            entries[at].add(events)
        self._added.clear()
