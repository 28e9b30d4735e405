"""Limits how many requests of this process wait in long polls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pubsubservice.core.runtime import Runtime

__all__ = ["Waiters"]


class Waiters:
    """Counts the requests that wait, of subscribers and of peeks together. Thread-safe.

    Args:
        most: how many requests may wait at once; half of the process's threads, so that the others stay free for work
    """

    def __init__(self, runtime: Runtime, most: int) -> None:
        self._most = most
        #: how many requests wait now
        self.waiting = 0
        self._lock = runtime.new_lock()

    @contextmanager
    def enter(self) -> Iterator[bool]:
        """Within the block, the request counts as waiting if the value is True; otherwise too many wait already."""
        with self._lock:
            admitted = self.waiting < self._most
            self.waiting += admitted
        try:
            yield admitted
        finally:
            with self._lock:
                self.waiting -= admitted
