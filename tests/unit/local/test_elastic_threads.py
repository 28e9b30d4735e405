"""Threads come as requests need them, and no further than their limit."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable

import pytest

from pubsub_emulator.server.elastic_threads import FIRST_THREADS
from pubsub_emulator.server.server import Server
from pubsub_emulator.server.wsgi import Environ, StartResponse


class Held:
    """An application that answers when it is told to, and knows how many wait."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/held":
            self.waiting.release()
            self.go_on.wait(20)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


def _ask(server: Server, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path)
    assert connection.getresponse().read() == b"ok"
    connection.close()


@pytest.mark.parametrize("limit", [3, FIRST_THREADS, 50])
def test_as_many_requests_as_the_limit_are_served_at_once(limit: int) -> None:
    """All but one are held, and that one gets through; one more has to wait."""
    app = Held()
    server = Server(app, threads=limit)
    asking = [threading.Thread(target=_ask, args=(server, "/held")) for _ in range(limit - 1)]
    try:
        for thread in asking:
            thread.start()
            assert app.waiting.acquire(timeout=10)
        _ask(server, "/quick")
        last, late = (threading.Thread(target=_ask, args=(server, path)) for path in ("/held", "/quick"))
        last.start()
        assert app.waiting.acquire(timeout=10)
        late.start()
        late.join(0.2)
        assert late.is_alive()
    finally:
        app.go_on.set()
        for thread in [*asking, last, late]:
            thread.join(20)
        server.close()


def test_one_request_after_another_needs_no_more_threads() -> None:
    """A thread keeps memory, so there are none that nobody needs."""
    app = Held()
    before = threading.active_count()
    server = Server(app, threads=64)
    try:
        for _ in range(100):
            _ask(server, "/quick")
        assert threading.active_count() - before <= FIRST_THREADS + 1
    finally:
        server.close()
