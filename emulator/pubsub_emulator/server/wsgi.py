"""The types of WSGI (PEP 3333), and the responses that this room makes itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pubsub_emulator.server.limits import problem
from pubsubservice.core.meter import Meter
from pubsubservice.core.request_log import log_request

__all__ = ["Environ", "StartResponse", "WSGIApp", "refuse", "respond_json", "respond_problem"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


def respond_json(start_response: StartResponse, body: object, *headers: tuple[str, str]) -> Iterable[bytes]:
    """Respond with a JSON document, and more headers."""
    encoded = json.dumps(body).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(encoded))), *headers])
    return [encoded]


def respond_problem(start_response: StartResponse, status: int, detail: str, *more: tuple[str, str]) -> Iterable[bytes]:
    """Respond with a problem document, and more headers."""
    line, headers, body, _ = problem(status, detail)
    start_response(line, [*headers, *more])
    return [body]


def refuse(start_response: StartResponse, status: int, detail: str) -> Iterable[bytes]:
    """Respond with a problem document, and log the request as the functions do."""
    log_request("emulator", status, {"code": problem(status, detail)[3]}, Meter(), 0.0)
    return respond_problem(start_response, status, detail)
