"""Requests that a test wants to fail, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any

__all__ = ["Call", "Fault"]

#: the codes that the service itself gives with a status
_CODES = {401: "unauthorized", 403: "forbidden", 429: "too_many_requests", 503: "store_unavailable"}


@dataclass(frozen=True)
class Call:
    """One request, and what it cost.

    Attributes:
        function: ``register``, ``publish``, ``subscribe`` or ``get_events``
        method: ``POST``, ``GET`` or ``DELETE``
        body: the request's JSON; for GET, the parameters of the URL
        status: the status that the service responded; 0 if a fault kept the request from reaching it
        reads, writes, deletes: the storage operations that it was billed for
        fault: whether `Local.fail` made it fail
    """

    function: str
    method: str
    body: Mapping[str, Any]
    status: int
    reads: int = 0
    writes: int = 0
    deletes: int = 0
    fault: bool = False


@dataclass
class Fault:
    """How the next requests to a function fail."""

    function: str
    #: None: the connection breaks
    status: int | None
    #: how many requests are left to fail
    times: int
    #: the request is carried out, and its response is lost
    after_commit: bool
    retry_after_s: float | None
    #: members that the request has
    match: Mapping[str, Any]
    code: str | None

    def concerns(self, function: str, body: Mapping[str, Any]) -> bool:
        """Whether this request is to fail."""
        named = self.function in {function, "*"}
        return self.times > 0 and named and all(body.get(name) == value for name, value in self.match.items())

    def problem(self) -> tuple[int, list[tuple[str, str]], dict[str, Any]]:
        """Return the response in place of the service's: status, headers, and an RFC 9457 document."""
        status = self.status or 503
        headers = [("Content-Type", "application/problem+json")]
        if self.retry_after_s is not None:
            headers.append(("Retry-After", f"{self.retry_after_s:.0f}"))
        title = responses.get(status, "Error")
        code = self.code or _CODES.get(status, f"http_{status}")
        detail = "The test asked for this failure."
        return (
            status,
            headers,
            {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail},
        )
