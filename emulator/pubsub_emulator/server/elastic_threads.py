"""A thread pool that grows with the load. It starts small, because a thread's memory is never given back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from pubsub_emulator.server.wsgi import Environ, StartResponse, WSGIApp

__all__ = ["FIRST_THREADS", "ElasticThreads"]

#: threads at the start; enough for one program that publishes and one that subscribes
FIRST_THREADS = 8


class ElasticThreads:
    """A WSGI application around `app` that doubles its server's threads, up to `limit`, whenever half of them are busy.

    So an idle thread can always take the next request, until as many requests as `limit` are open. The server begins with
    `threads` threads. `grow` is called with the new number; a RuntimeError of `grow` means that the system allows no more.
    """

    def __init__(self, app: WSGIApp, limit: int, grow: Callable[[int], object]) -> None:
        self._app = app
        self._limit = limit
        self._grow = grow
        #: the present number of threads
        self.threads = min(FIRST_THREADS, limit)
        self._busy = 0
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request with `app`."""
        with self._lock:
            self._busy += 1
        try:
            self._grow_if_busy()
            return self._app(environ, start_response)
        finally:
            with self._lock:
                self._busy -= 1

    def _grow_if_busy(self) -> None:
        with self._lock:
            if 2 * self._busy >= self.threads < self._limit:
                threads = min(2 * self.threads, self._limit)
                try:
                    self._grow(threads)
                except RuntimeError:  # the system allows no more threads: go on with the present ones
                    self._limit = self.threads
                else:
                    self.threads = threads
