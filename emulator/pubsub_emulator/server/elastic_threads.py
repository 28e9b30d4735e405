"""As many threads as requests need: each one costs memory that it never gives back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from pubsub_emulator.server.router import Environ, StartResponse, WSGIApp

__all__ = ["FIRST_THREADS", "ElasticThreads"]

#: there from the start; a program that publishes and one that subscribes need no more
FIRST_THREADS = 8


class ElasticThreads:
    """A WSGI application around `app` that doubles its server's threads, up to `limit`, whenever half of them are busy.

    So a thread is idle, and takes the next request, until there are as many requests as `limit`. The server begins with
    `threads` of them; `grow` is called with the number that there shall be.
    """

    def __init__(self, app: WSGIApp, limit: int, grow: Callable[[int], object]) -> None:
        self._app = app
        self._limit = limit
        self._grow = grow
        #: there are so many now
        self.threads = min(FIRST_THREADS, limit)
        self._busy = 0
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        with self._lock:
            self._busy += 1
        try:
            self._hire_more()
            return self._app(environ, start_response)
        finally:
            with self._lock:
                self._busy -= 1

    def _hire_more(self) -> None:
        with self._lock:
            if 2 * self._busy >= self.threads < self._limit:
                threads = min(2 * self.threads, self._limit)
                try:
                    self._grow(threads)
                except RuntimeError:  # the system gives no more: those that there are go on
                    self._limit = self.threads
                else:
                    self.threads = threads
