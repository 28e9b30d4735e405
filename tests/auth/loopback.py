"""A small HTTP server on this machine that answers as Google would, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

__all__ = ["Answer", "Asked", "Loopback"]


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """An answer: JSON, or bytes as they are."""

    json: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 - a record, never changed
    status: int = 200
    raw: bytes | None = None


class Loopback:
    """The server, from construction until `close`; paths without an answer are 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, Answer | Callable[[Asked], Answer]] = {}
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def answer(self, path: str, answer: Answer | Callable[[Asked], Answer]) -> None:
        """What to answer at a path from now on."""
        self._answers[path] = answer

    def of(self, path: str) -> list[Asked]:
        """What was asked at a path so far."""
        return [asked for asked in self.asked if asked.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answer = self._answers.get(asked.path, Answer({"error": "not found"}, status=404))
        return answer(asked) if callable(answer) else answer


class _Handler(BaseHTTPRequestHandler):
    server_of: Loopback

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body)
        answer = self.server_of.respond(asked)
        content = json.dumps(answer.json).encode() if answer.raw is None else answer.raw
        kind = "application/json" if answer.raw is None else "application/text"
        self.send_response(answer.status)
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _handle

    def log_message(self, *args: object) -> None:
        """Say nothing."""
