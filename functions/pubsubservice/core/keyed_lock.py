"""Turns: calls for one name queue behind each other in a process; different names do not meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pubsubservice.core.runtime import Runtime

__all__ = ["KeyedLock"]


class KeyedLock:
    """One lock a name, kept only while somebody holds it or waits for it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = runtime.new_lock()
        self._turns: dict[str, tuple[AbstractContextManager[Any], list[None]]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Hold the turn of a name."""
        with self._lock:
            turn, users = self._turns.setdefault(name, (self._runtime.new_lock(), []))
            users.append(None)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                users.pop()
                if not users:
                    del self._turns[name]
