"""Answers ``GET /healthz``, for whoever watches over the worker."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any

from pubsubclient._core.errors import ConfigurationError

__all__ = ["Health"]

#: how long one request may take, seconds. One is served at a time
_TIMEOUT_S = 2.0


class Health:
    """The endpoint, from entering to leaving a `with` block. Without an address it does nothing.

    Args:
        address: host and port to listen at
        state: returns the worker's state
    """

    def __init__(self, address: tuple[str, int] | None, state: Callable[[], dict[str, Any]]) -> None:
        self._address = address
        self._state = state
        self._server: HTTPServer | None = None

    def __enter__(self) -> Health:
        if self._address is not None:
            host, port = self._address
            try:
                self._server = _server_of(host, port, self._state)
            except OSError as error:
                raise ConfigurationError(f"health: cannot listen at {host} port {port}: {error}.") from error
            threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _server_of(host: str, port: int, state: Callable[[], dict[str, Any]]) -> HTTPServer:
    class Answer(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S
        protocol_version = "HTTP/1.0"
        server_version = "pubsubclient"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path != "/healthz":
                self.send_error(404)
                return
            told = state()
            body = json.dumps(told).encode() + b"\n"
            self.send_response(200 if told["healthy"] else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def server_bind(self) -> None:
            # without HTTPServer's look-up of the host's name, which may take seconds
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = host, port

        def handle_error(self, *_: object) -> None:
            pass  # a client that went away

    return Server((host, port), Answer)
