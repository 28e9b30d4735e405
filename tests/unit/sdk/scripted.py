"""A real HTTP server that speaks the documented wire, answers as it is told, and remembers what it was asked.

It is no service: it keeps nothing. It is there for what the real one does too seldom: break off, hang, refuse.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = [
    "BREAK_OFF",
    "CUT",
    "HANG",
    "NOW_US",
    "TRUNCATE",
    "Asked",
    "Reply",
    "ScriptedService",
    "event",
    "lease",
    "problem",
    "rfc3339",
]

#: close the connection without an answer
BREAK_OFF = "break off"
#: do not answer until the server ends
HANG = "hang"
#: announce more of an answer than is sent
TRUNCATE = "truncate"
#: close the connection in the middle of an answer's headers
CUT = "cut"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: the store time of answers, µs
NOW_US = 1_700_000_000_000_000


@dataclass
class Reply:
    """An answer."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    function: str
    headers: dict[str, str]
    raw: bytes
    #: tells connections apart
    port: int
    query: str = ""

    @property
    def body(self) -> Any:
        return json.loads(self.raw or b"null")


Answer = Reply | str | Callable[[Any], Reply]


class ScriptedService:
    """The server. What `script` says for a function is done once each, in order; then it answers as usual."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        #: X-Store-Time of all answers, µs; None to leave the header out
        self.store_time_us: int | None = NOW_US
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)
        self._done = threading.Event()
        self.connections: list[socket.socket] = []
        self._index = 0
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def script(self, function: str, *answers: Answer) -> None:
        """What to do with the next calls of a function."""
        self._scripts[function].extend(answers)

    def as_usual(self, function: str) -> None:
        """Forget what is still scripted for a function."""
        self._scripts[function].clear()

    def calls(self, function: str) -> list[Any]:
        """The bodies of the calls of a function so far."""
        return [asked.body for asked in self.asked if asked.function == function]

    def asked_for(self, function: str) -> bool:
        """Whether a function was called."""
        return any(asked.function == function for asked in self.asked)

    def close(self) -> None:
        self._done.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def answer(self, asked: Asked) -> Reply | str:
        self.asked.append(asked)
        script = self._scripts[asked.function]
        answer = script.popleft() if script else self._usual
        if answer == HANG:
            self._done.wait(30)
        if callable(answer):
            return answer(asked.body)
        return answer

    def _usual(self, body: Any) -> Reply:
        if body is None:
            return Reply({})
        if "events" in body:
            return Reply({"events": [self.receipt(event) for event in body["events"]]})
        if "max_events" in body:
            return Reply({"events": [], "lease": body.get("lease"), "until": None, "more": False})
        return Reply({})

    def receipt(self, event: dict[str, Any]) -> dict[str, Any]:
        """The receipt of an event that is stored next."""
        self._index += 1
        return {
            "id": event["id"],
            "sequence": f"0000-{self._index:020d}",
            "recordedtime": "2023-11-14T22:13:20.000001Z",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: ScriptedService

    def setup(self) -> None:
        super().setup()
        self.service.connections.append(self.connection)

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        function, _, query = self.path.lstrip("/").partition("?")
        asked = Asked(self.command, function, dict(self.headers.items()), raw, self.client_address[1], query)
        reply = self.service.answer(asked)
        if isinstance(reply, str):
            if reply == TRUNCATE:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"events": [')
            elif reply == CUT:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-St")
            self.close_connection = True
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        if self.service.store_time_us is not None and "X-Store-Time" not in reply.headers:
            self.send_header("X-Store-Time", str(self.service.store_time_us))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if reply.status != 204:
            self.wfile.write(body)

    do_POST = do_DELETE = do_GET = _handle

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests have their own log."""


def problem(status: int, code: str, detail: str = "No.", **extra: Any) -> Reply:
    """An error as the service answers it."""
    body = {"type": "about:blank", "title": "t", "status": status, "code": code, "detail": detail, **extra}
    return Reply(body, status, {"Content-Type": "application/problem+json"})


def rfc3339(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")


def event(
    index: int, *, topic: str = "orders", attempt: int = 1, recorded_us: int = 1_600_000_000_000_000
) -> dict[str, Any]:
    """An event as get_events answers it."""
    return {
        "specversion": "1.0",
        "id": f"id-{index}",
        "source": "/publishers/shop",
        "type": "event",
        "time": "2023-11-14T22:13:20Z",
        "data": {"n": index},
        "topic": topic,
        "sequence": f"0000-{index:020d}",
        "recordedtime": rfc3339(recorded_us),
        "attempt": attempt,
    }


def lease(*events: dict[str, Any], more: bool = False, length_s: int = 30, **members: Any) -> Callable[[Any], Reply]:
    """An answer of get_events that hands these events out under the caller's token."""

    def answer(body: Any) -> Reply:
        until = rfc3339(NOW_US + length_s * 1_000_000) if events else None
        return Reply({"events": list(events), "lease": body.get("lease"), "until": until, "more": more, **members})

    return answer
