"""Remembers subscribers' documents for a second, so that the next request of this process does not read them again.

It remembers what a request wrote, and what the probe of a wait read. Both may be out of date when they are used: another
process may have changed the document. So `get_events` lets an answer that was judged from memory count only if its update
was stored, because the update's condition proves that the document had not changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.port import Doc

__all__ = ["Memory", "Remembered"]

#: how long a document is remembered, seconds: as long as the port lets the time of a read lag
MAX_AGE_S = 1.0
#: how long a subscriber's document is always read after an update from memory was not stored, seconds. A lost update costs
#: as much as three reads, so memory pays while fewer than a quarter of the updates are lost
CONFLICT_S = 10.0
#: subscribers, and bytes of their documents, that are remembered at once
MAX_SUBSCRIBERS = 1_000
MAX_BYTES = 4 * 1024 * 1024
#: by how much a process's clock may be faster than the store's
_FAST = 1.05
#: approximate bytes of an entry beside the state, and of each missing path
_ENTRY_BYTES, _PATH_BYTES = 1_000, 200

_NONE: Mapping[str, int] = MappingProxyType({})


class Remembered(NamedTuple):
    """A subscriber's document as this process last saw it."""

    doc: Doc
    #: store time at which the document was so, µs
    time: int
    #: the process's monotonic clock before it asked the store, seconds
    asked: float
    #: read time by path of the documents that the probe of a wait found missing, µs; empty after a write
    missing: Mapping[str, int] = _NONE
    #: the process's monotonic clock when it had the answer, seconds; set by `Memory.put`
    answered: float = 0.0

    @property
    def bytes(self) -> int:
        """Approximate bytes in memory."""
        state = self.doc.data.get("state")
        size = len(state) if isinstance(state, bytes) else 0
        return size + _ENTRY_BYTES + _PATH_BYTES * len(self.missing)


class Memory:
    """What one process remembers of subscribers' documents. Bounded in age, number and bytes; thread-safe."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = runtime.new_lock()
        #: by subscriber, the oldest first
        self._remembered: OrderedDict[str, Remembered] = OrderedDict()
        self._bytes = 0
        #: by subscriber: until when its document is read, by the process's monotonic clock
        self._conflicts: OrderedDict[str, float] = OrderedDict()

    def put(self, subscriber: str, remembered: Remembered) -> None:
        """Remember a subscriber's document in place of the one before, and forget the oldest beyond the bounds."""
        now = self._runtime.monotonic()
        with self._lock:
            self._forget(subscriber)
            if self._conflicts.get(subscriber, now) > now:
                return
            self._remembered[subscriber] = remembered._replace(answered=now)
            self._bytes += remembered.bytes
            while self._bytes > MAX_BYTES or len(self._remembered) > MAX_SUBSCRIBERS or self._oldest_is_over(now):
                self._forget(next(iter(self._remembered)))

    def take(self, subscriber: str) -> tuple[Remembered, int] | None:
        """Return and forget a subscriber's document; None if none is remembered that may be used.

        Also returns how much later than `Remembered.time` it certainly is by now, µs.
        """
        now = self._runtime.monotonic()
        with self._lock:
            remembered = self._forget(subscriber)
        if remembered is None or not 0 <= now - remembered.asked <= MAX_AGE_S:
            return None
        return remembered, int(1_000_000 * max(0.0, now - remembered.answered) / _FAST)

    def conflicted(self, subscriber: str) -> None:
        """Note that an update from memory was not stored: for a while the subscriber's document is read."""
        now = self._runtime.monotonic()
        with self._lock:
            self._conflicts[subscriber] = now + CONFLICT_S
            self._conflicts.move_to_end(subscriber)
            while len(self._conflicts) > MAX_SUBSCRIBERS or next(iter(self._conflicts.values())) <= now:
                self._conflicts.popitem(last=False)

    def _forget(self, subscriber: str) -> Remembered | None:
        remembered = self._remembered.pop(subscriber, None)
        if remembered is not None:
            self._bytes -= remembered.bytes
        return remembered

    def _oldest_is_over(self, now: float) -> bool:
        if not self._remembered:
            return False
        return now - next(iter(self._remembered.values())).asked > MAX_AGE_S
