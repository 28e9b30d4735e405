"""Waits for documents to be created: notified at once within a process, within about 15 ms across processes.

One thread per store polls for all waiters, and only while there are waiters, so a hundred cost as much as one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence

__all__ = ["Watch"]

#: how often the watcher checks whether another process wrote, seconds
_POLL_S = 0.015
#: the largest share of the watcher's time that it spends polling, for any number of paths
_MAX_SHARE = 0.2


class Watch:
    """The waiters of one store, by path.

    `version` returns a number that differs after every commit to the store; `existing` returns which of the
    given paths exist now. If either raises, the watcher tries again, and the waiters still have their timeouts.
    """

    def __init__(self, version: Callable[[], int], existing: Callable[[Iterable[str]], Collection[str]]) -> None:
        self._version = version
        self._existing = existing
        self._closed = False
        self.reset()

    def reset(self) -> None:
        """Start without waiters, in a forked child, which has neither the waiting threads nor the watcher."""
        self._changed = threading.Condition()
        self._waiters: dict[str, set[threading.Event]] = {}
        self._thread: threading.Thread | None = None

    def wait(self, paths: Sequence[str], timeout_s: float) -> bool:
        """Return when one of the paths exists or the watch is closed (True), or at the timeout (False)."""
        event = threading.Event()
        self._add(paths, event)
        try:
            # Check after adding the waiter: a document created before has woken nobody.
            if self._closed or self._existing(paths) or event.wait(timeout_s):
                return True
            # The watcher may be late, or have failed to look.
            return bool(self._existing(paths))
        except Exception:
            if not self._closed:  # else the store was closed after the check: the wait is over
                raise
            return True
        finally:
            self._remove(paths, event)

    def wake(self, path: str) -> None:
        """Wake this process's waiters for `path`."""
        if self._waiters:  # read without the lock: a waiter that is added later checks the store itself
            with self._changed:
                for event in self._waiters.get(path, ()):
                    event.set()

    def close(self) -> None:
        """Wake all waiters, now and later, and end the watcher."""
        with self._changed:
            self._closed = True
            for events in self._waiters.values():
                for event in events:
                    event.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _add(self, paths: Sequence[str], event: threading.Event) -> None:
        with self._changed:
            for path in paths:
                self._waiters.setdefault(path, set()).add(event)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="pubsub-watch", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _remove(self, paths: Sequence[str], event: threading.Event) -> None:
        with self._changed:
            for path in paths:
                events = self._waiters.get(path)
                if events is not None:
                    events.discard(event)
                    if not events:
                        del self._waiters[path]

    def _run(self) -> None:
        seen = None
        pause_s = _POLL_S
        while True:
            with self._changed:
                while not self._waiters and not self._closed:
                    self._changed.wait()
                    seen = None
                if self._closed:
                    return
                paths = list(self._waiters)
            started = time.perf_counter()
            try:
                version = self._version()
                if version != seen:
                    seen = version
                    for path in self._existing(paths):
                        self.wake(path)
            except Exception:  # noqa: BLE001 - a failed poll only delays the waiters
                seen = None
            pause_s = max(_POLL_S, (time.perf_counter() - started) / _MAX_SHARE)
            time.sleep(pause_s)
