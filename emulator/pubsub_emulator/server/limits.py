"""Limits on connections and requests: time for head and body, size of the body, and refusals as problem documents.

waitress closes idle connections, but leaves three gaps: a client that sends a byte now and then is never idle;
at the connection limit waitress waits until a client leaves; and it buffers a body up to its limit before a function can
refuse the request.
"""

from __future__ import annotations

import json
import re
import time
from operator import itemgetter
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error, RequestEntityTooLarge

from pubsubservice.api.decoding import MAX_BODY_BYTES
from pubsubservice.core.meter import Meter
from pubsubservice.core.request_log import log_request

__all__ = ["MAX_ANNOUNCED_BYTES", "Channel", "maintain", "problem"]

#: a body announced as larger is refused at once; a smaller one is read to its end, so that its sender reads the response
MAX_ANNOUNCED_BYTES = 32 << 20
#: time for a request's first line and headers, seconds
HEAD_S = 10.0
#: time for its body: `BODY_S` seconds, and one more for each `BODY_BYTES_A_S` bytes received
BODY_S = 10.0
BODY_BYTES_A_S = 32 << 10
#: a connection without a request is closed after this, seconds
IDLE_S = 75.0
#: how many connections are closed at once at the connection limit
_ROOM = 32
#: a chunked body is kept in memory up to this size, then in a file
_CHUNKED_MEMORY_BYTES = 256 << 10

#: headers that hold an attribute of a CloudEvent
_ATTRIBUTE = re.compile(rb"^(ce-[^:\r\n]*):", re.IGNORECASE | re.MULTILINE)
#: {status: title and code of its refusal}
_TITLES = {
    400: ("Bad Request", "malformed_request"),
    403: ("Forbidden", "origin_not_allowed"),
    404: ("Not Found", "not_found"),
    405: ("Method Not Allowed", "method_not_allowed"),
    408: ("Request Timeout", "request_timeout"),
    413: ("Content Too Large", "too_large"),
    421: ("Misdirected Request", "host_not_allowed"),
    431: ("Request Header Fields Too Large", "headers_too_large"),
    501: ("Not Implemented", "not_implemented"),
    502: ("Bad Gateway", "service_unreachable"),
    504: ("Gateway Timeout", "service_too_late"),
}


def problem(status: int, detail: str) -> tuple[str, list[tuple[str, str]], bytes, str]:
    """Return status line, headers, body and code of a refusal by the server itself, as a problem document (RFC 9457)."""
    title, code = _TITLES.get(status, ("Internal Server Error", "internal"))
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    body = json.dumps(document).encode()
    headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    return f"{status} {title}", headers, body, code


class _TimeoutError(Error):  # type: ignore[misc]
    code = 408
    reason = "Request Timeout"


class _DiscardingBuffer:
    """Replaces the buffer of a body that is too large, and discards the rest of the body."""

    def append(self, data: bytes) -> None:
        """Discard `data`."""

    def __len__(self) -> int:
        return 0

    def close(self) -> None:
        """Do nothing: the buffer holds no resource."""


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request being read. A body that is too large is read to its end and discarded."""

    error: Any
    completed: bool

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        #: when the first byte arrived, seconds of the monotonic clock
        self.began = time.monotonic()
        self.too_large = False

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        attributes = [name.lower() for name in _ATTRIBUTE.findall(header_plus)]
        if len(set(attributes)) < len(attributes):  # WSGI would join the values into one
            raise ParsingError("Each header ce-… is expected once.")
        if self.body_rcv is not None and self.chunked:
            self.body_rcv.buf.overflow = _CHUNKED_MEMORY_BYTES
        if self.content_length > MAX_BODY_BYTES:
            self._refuse()

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if not self.too_large and self.body_bytes_received > MAX_BODY_BYTES:
            self._refuse()
        if self.too_large and self.completed and self.error is None:
            self.error = RequestEntityTooLarge(
                f"A request is at most {MAX_BODY_BYTES} bytes; got {self.body_bytes_received}. Split it; nothing was done."
            )
        return consumed

    def _refuse(self) -> None:
        self.too_large = True
        if self.body_rcv is not None:
            self.body_rcv.buf.close()
            self.body_rcv.buf = _DiscardingBuffer()

    @property
    def timed_out(self) -> bool:
        """Whether the request took longer to arrive than head and body may."""
        allowed_s = HEAD_S
        if self.headers_finished:
            allowed_s += BODY_S + self.body_bytes_received / BODY_BYTES_A_S
        return time.monotonic() - self.began > allowed_s


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Responds to a malformed or refused request with a problem document, as a function would."""

    def execute(self) -> None:
        error = self.request.error
        self.status, headers, body, code = problem(error.code, str(error.body))
        self.response_headers.extend([*headers, ("Connection", "close")])
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)
        log_request("emulator", error.code, {"code": code}, Meter(), 0.0)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One client's connection, closed when it is idle or its request arrives too slowly."""

    parser_class = _Parser
    error_task_class = _ErrorTask
    request: Any
    will_close: bool

    def expire(self) -> None:
        """Close an idle connection, or refuse a request that timed out. Runs in the server's thread."""
        request = self.request
        if self.requests or self.will_close or self.total_outbufs_len:
            return
        if request is None:
            self.will_close = time.time() - self.last_activity > IDLE_S
        elif request.timed_out:
            with self.requests_lock:
                request.error = _TimeoutError("The request did not arrive in time; send it again.")
                request.completed = True
                self.requests.append(request)
                self.request = None
                self.server.add_task(self)

    @property
    def eviction_rank(self) -> tuple[bool, float] | None:
        """Sorts connections for eviction: idle ones first, then requests being read, oldest first. None: do not evict."""
        if self.requests or self.will_close or self.total_outbufs_len:
            return None
        if self.request is None:
            return False, self.last_activity
        return True, self.request.began


def maintain(server: TcpWSGIServer, *, full: bool) -> None:
    """Close connections that timed out, and at the connection limit (`full`) evict more. Runs in the server's thread."""
    channels = list(server.active_channels.values())
    for channel in channels:
        channel.expire()
    if full:
        evictable = [(rank, channel) for channel in channels if (rank := channel.eviction_rank) is not None]
        for _, channel in sorted(evictable, key=itemgetter(0))[:_ROOM]:
            channel.will_close = True
