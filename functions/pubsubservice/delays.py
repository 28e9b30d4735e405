"""Events that were published with a delay: read from their log in its order, and kept in the document until their second."""

from __future__ import annotations

from pubsubservice.spans import Piece
from pubsubservice.state import State
from pubsubservice.subscriber import Due

__all__ = ["Delays"]

_SECOND = 1_000_000


class Delays:
    """Puts delayed events into a state, at `now`, µs of store time; at most `max_spans` wait there at once."""

    def __init__(self, state: State, now: int, max_spans: int) -> None:
        self.now = now
        self._max_spans = max_spans
        self._state = state
        self._entries: dict[int, Due] | None = None
        self._spans = 0

    def add(self, events: Piece, at: int) -> bool:
        """Keep events back until `at`, rounded up to the second, which they share; False when there is no room."""
        if self._entries is None:
            waiting = [due for due in self._state.due if due.delayed]
            self._entries = {due.at: due for due in waiting}
            self._spans = sum(len(due.spans) for due in waiting)
        if self._spans >= self._max_spans:
            return False
        at = -(-at // _SECOND) * _SECOND
        entry = self._entries.get(at)
        if entry is None:
            entry = self._entries[at] = Due(at, 1, delayed=True)
            self._state.due.append(entry)
        entry.add([events])
        self._spans += 1
        return True
