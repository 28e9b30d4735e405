"""Interprets HTTP responses, and the errors of requests without one."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from pubsubclient._core.errors import Conflict, Forbidden, NotFound, ServiceError, TooLarge
from pubsubclient._core.json import decode

__all__ = [
    "bad_response",
    "is_cut",
    "read_body",
    "retry_after_s",
    "service_error",
    "store_ops",
    "store_time_us",
    "surely_not_sent",
]

_KINDS: dict[int, type[ServiceError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    422: Conflict,
}
_STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "instance"})
#: how many characters of a foreign response errors show
_SHOWN_CHARACTERS = 200
#: the most digits of a store time in µs, enough until after the year 30,000
_MAX_TIME_DIGITS = 18
_STORE_OPS = re.compile(r"reads=([0-9]{1,18}), writes=([0-9]{1,18}), deletes=([0-9]{1,18})")


def read_body(function: str, response: requests.Response, content: bytes) -> dict[str, Any]:
    """Decode the JSON object of a success; an empty body gives an empty dict.

    Raises ServiceError (``bad_answer``) for any other body, which cannot be the service's.
    """
    if not content:
        return {}
    try:
        body = decode(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise bad_response(
            function, f"a JSON object was expected; got {_shown(response, content)}", response.status_code
        )
    return body


def bad_response(function: str, detail: str, status: int = 200) -> ServiceError:
    """Return the error for a response that cannot be understood. It is uncertain: the request may have taken effect."""
    error = ServiceError(function, status, "bad_answer", f"The response cannot be understood: {detail}.")
    error.uncertain = True
    return error


def service_error(function: str, response: requests.Response, content: bytes) -> ServiceError:
    """Return the error for a response that is no success: RFC 9457 problem details, or a foreign response."""
    status = response.status_code
    kind = _KINDS.get(status, ServiceError)
    try:
        problem = decode(content)
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return kind(function, status, f"http_{status}", _foreign(response, content))
    detail = problem.get("detail") or problem.get("title") or response.reason
    extra = {name: value for name, value in problem.items() if name not in _STANDARD_MEMBERS}
    return kind(function, status, problem["code"], str(detail), extra)


def retry_after_s(response: requests.Response) -> float | None:
    """Return the response's Retry-After, seconds (RFC 9110, 10.2.3: a number of seconds or a date)."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def is_cut(response: requests.Response, content: bytes) -> bool:
    """Whether the connection ended within the headers; http.client reports that as a response without a body."""
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    return response.status_code != requests.codes.no_content and not framed and not content


def store_time_us(function: str, response: requests.Response) -> int | None:
    """Return the time in X-Store-Time, a store time in the past, µs; None without it. Raises ServiceError (``bad_answer``)."""
    value = response.headers.get("X-Store-Time", "")
    if not value:
        return None
    if len(value) > _MAX_TIME_DIGITS or not (value.isascii() and value.isdigit()):
        shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:20]}... ({len(value)} characters)"
        raise bad_response(
            function, f"its header X-Store-Time is expected in microseconds; got {shown!r}", response.status_code
        )
    return int(value)


def store_ops(response: requests.Response) -> tuple[int, int, int]:
    """Return the reads, writes and deletes that a response says it was billed for; zeros if it says nothing."""
    found = _STORE_OPS.fullmatch(response.headers.get("X-Store-Ops", ""))
    if found is None:
        return 0, 0, 0
    reads, writes, deletes = map(int, found.groups())
    return reads, writes, deletes


def surely_not_sent(error: requests.RequestException) -> bool:
    """Whether a try failed before it had a connection, so that nothing of the request can have arrived."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _foreign(response: requests.Response, content: bytes) -> str:
    """Describe a response that is not the service's own."""
    if 300 <= response.status_code < 400:
        target = response.headers.get("Location", "nowhere")
        return f"redirected to {target}; redirects are not followed, use the service's own address"
    return f"the response is not the service's; is {response.url} its address? Got {_shown(response, content)}"


def _shown(response: requests.Response, content: bytes) -> str:
    kind = response.headers.get("Content-Type", "no type")
    text = " ".join(content.decode(errors="replace").split())
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return f"({kind}) {text!r}"
