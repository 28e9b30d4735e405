"""A lock per name: within a process, calls for the same name run one after another; other names do not wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pubsubservice.core.runtime import Runtime

__all__ = ["KeyedLock"]


class KeyedLock:
    """One lock per name. A lock exists only while a thread holds it or waits for it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        #: guards `_locks`
        self._guard = runtime.new_lock()
        #: each name's lock, and one list item for each thread that holds it or waits for it
        self._locks: dict[str, tuple[AbstractContextManager[Any], list[None]]] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of a name."""
        with self._guard:
            lock, users = self._locks.setdefault(name, (self._runtime.new_lock(), []))
            users.append(None)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                users.pop()
                if not users:
                    del self._locks[name]
