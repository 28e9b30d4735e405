"""HTTP around the handlers: methods, media types, sizes, problem documents, headers, and one log line per request.

A handler of ``main`` returns an `HttpResponse` or raises a `Problem`; `endpoint` does everything else.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from werkzeug.wrappers import Request, Response

from pubsubservice import __version__
from pubsubservice.api.app import current
from pubsubservice.api.decoding import MAX_BODY_BYTES
from pubsubservice.api.tracing import traced
from pubsubservice.core.meter import Meter, start_meter
from pubsubservice.core.ownership import TOKEN_HEADER, Caller, set_caller
from pubsubservice.core.problems import BadRequest, Problem, Unavailable
from pubsubservice.core.request_log import log_request
from pubsubservice.service import Service
from pubsubservice.storage.port import Refused, StoreError

__all__ = ["HttpResponse", "endpoint", "json_body", "query", "read_body", "unsupported_media_type"]

_logger = logging.getLogger("pubsubservice.request")

_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Content", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip


class HttpResponse(NamedTuple):
    """A successful response."""

    body: bytes
    #: fields for the request's log line
    log: dict[str, str | int]
    status: int = 200
    headers: Mapping[str, str] | None = None


_Handler = Callable[[Request, Service], HttpResponse]


def endpoint(*methods: str) -> Callable[[_Handler], Callable[[Request], Response]]:
    """Make an HTTP function of a handler; `methods` are the HTTP methods that it supports."""

    def decorate(handler: _Handler) -> Callable[[Request], Response]:
        name = handler.__name__

        @functools.wraps(handler)
        def function(request: Request) -> Response:
            meter = start_meter()
            service = None
            log: dict[str, str | int] = {}
            caller: Caller | None = None
            try:
                if request.method not in methods:
                    raise _method_not_allowed(name, request.method, methods)
                service = current()
                started = service.runtime.monotonic()
                caller = _identify(request, service)
                set_caller(caller)
                result = handler(request, service)
                response = Response(result.body, result.status, result.headers, content_type="application/json")
                log = result.log
            except Exception as e:  # noqa: BLE001 - the outermost level: no client is shown a traceback
                problem = _problem_of(e, name)
                response, log = _problem_response(problem), {"code": problem.code}
            duration_ms = 1000 * (service.runtime.monotonic() - started) if service else 0.0
            _add_headers(response, meter, duration_ms)
            log_request(name, response.status_code, log | _caller_field(caller), meter, duration_ms)
            return response

        return traced(function)

    return decorate


def json_body(request: Request) -> bytes:
    """Return the body of a request that is expected to be JSON. Raises BadRequest (400, 413, 415)."""
    # browsers send this type across origins only after a preflight request: no web page can publish unnoticed
    if request.mimetype != "application/json":
        raise unsupported_media_type(f"application/json is expected; got {request.mimetype or 'none'!r}")
    if request.args:
        raise BadRequest(
            "unknown_field", f"The query parameter {next(iter(request.args))!r} is not known to this call."
        )
    return read_body(request)


def read_body(request: Request) -> bytes:
    """Return the body of a request. Raises BadRequest if it is larger than `MAX_BODY_BYTES` (413) or compressed (415)."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise BadRequest("unsupported_media_type", "Content-Encoding: the body is expected uncompressed.", status=415)
    length = request.content_length
    body = b"" if length is not None and length > MAX_BODY_BYTES else request.stream.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES or (length or 0) > MAX_BODY_BYTES:
        raise BadRequest(
            "too_large",
            f"A request is at most {MAX_BODY_BYTES} bytes; got {length or 'more'}. Split it; nothing was done.",
            status=413,
        )
    return body


def unsupported_media_type(expected: str) -> Problem:
    """Return the error (415) for a Content-Type; `expected` says which one is expected instead."""
    return BadRequest("unsupported_media_type", f"Content-Type: {expected}.", status=415)


def query(request: Request, *names: str, repeated: str | None = None) -> dict[str, str]:
    """Return the query parameters. Raises BadRequest for a parameter that is not in `names`, or was sent twice.

    The parameter `repeated` may be sent any number of times, and is left out of the result.
    """
    for name in request.args:
        if name == repeated:
            continue
        if name not in names:
            raise BadRequest(
                "unknown_field",
                f"The query parameter {name!r} is not known; known are: {', '.join(filter(None, (repeated, *names)))}.",
            )
        if len(request.args.getlist(name)) > 1:
            raise BadRequest("invalid_request", f"The query parameter {name!r} is expected once.")
    return {name: text for name, text in request.args.items() if name != repeated}


def _identify(request: Request, service: Service) -> Caller | None:
    """Return the caller by a verified token; None while identity is off. Raises Unauthorized, Unavailable."""
    return None if service.identity is None else service.identity.caller(request.headers.get(TOKEN_HEADER))


def _caller_field(caller: Caller | None) -> dict[str, str | int]:
    """Return the log field for the caller: the email address, else the identity; empty for an anonymous caller."""
    name = (caller.email or caller.owner) if caller else None
    return {"caller": name} if name else {}


def _problem_of(error: Exception, function: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreError):
        _logger.warning("%s: the store failed: %s: %s", function, type(error).__name__, error)
        detail = error.detail if isinstance(error, Refused) else None
        return Unavailable(
            "store_unavailable", detail or "The store did not answer as expected; send the same request again."
        )
    _logger.exception("%s failed", function)
    return Problem("internal", "The service failed; the error was logged. Sending the same request again is safe.")


def _method_not_allowed(function: str, method: str, methods: tuple[str, ...]) -> Problem:
    return BadRequest(
        "method_not_allowed",
        f"{function} expects {' or '.join(methods)}; got {method}.",
        status=405,
        headers={"Allow": ", ".join(methods)},
    )


def _problem_response(problem: Problem) -> Response:
    document = {
        "type": "about:blank",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        **problem.extra,
    }
    return Response(json.dumps(document), problem.status, problem.headers, content_type="application/problem+json")


def _add_headers(response: Response, meter: Meter, duration_ms: float) -> None:
    headers = response.headers
    headers["X-Store-Ops"] = f"reads={meter.reads}, writes={meter.writes}, deletes={meter.deletes}"
    if meter.time:
        headers["X-Store-Time"] = str(meter.time)
    headers["X-Service-Version"] = __version__
    headers["Server-Timing"] = f"total;dur={duration_ms:.3f}"
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
