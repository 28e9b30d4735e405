"""What an HTTP answer, or the lack of one, says."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from pubsubclient._core.errors import Conflict, Forbidden, NotFound, ServiceError, TooLarge
from pubsubclient._core.json import decode

__all__ = [
    "bad_answer",
    "is_cut",
    "read_body",
    "retry_after_s",
    "service_error",
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
#: how much of an answer that is not ours is shown
_SHOWN_CHARACTERS = 200
#: of a time in µs, beyond the year 30,000
_MAX_TIME_DIGITS = 18


def read_body(function: str, response: requests.Response, content: bytes) -> dict[str, Any]:
    """The JSON object of a success; empty for an answer without a body.

    Raises ServiceError (``bad_answer``) for anything else: something other than the service answered.
    """
    if not content:
        return {}
    try:
        body = decode(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise bad_answer(function, f"a JSON object was expected; got {_shown(response, content)}", response.status_code)
    return body


def bad_answer(function: str, detail: str, status: int = 200) -> ServiceError:
    """The error of a success that cannot be read; the request may have taken effect."""
    error = ServiceError(function, status, "bad_answer", f"The answer cannot be understood: {detail}.")
    error.uncertain = True
    return error


def service_error(function: str, response: requests.Response, content: bytes) -> ServiceError:
    """The error that an answer other than a success stands for (RFC 9457 problem details, or whatever came)."""
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
    """How long the answer asks to wait, seconds (RFC 9110, 10.2.3: a number of seconds or a date)."""
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
    """Whether a success ends within its headers: the standard library takes that for an answer without a body."""
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    return response.status_code != requests.codes.no_content and not framed and not content


def store_time_us(function: str, response: requests.Response) -> int | None:
    """A time that the store has passed, µs; None if the answer does not tell. Raises ServiceError (``bad_answer``)."""
    value = response.headers.get("X-Store-Time", "")
    if not value:
        return None
    if len(value) > _MAX_TIME_DIGITS or not (value.isascii() and value.isdigit()):
        shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:20]}... ({len(value)} characters)"
        raise bad_answer(
            function, f"its header X-Store-Time is expected in microseconds; got {shown!r}", response.status_code
        )
    return int(value)


def surely_not_sent(error: requests.RequestException) -> bool:
    """Whether a try failed before a connection was made, so that nothing of the request can have arrived."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _foreign(response: requests.Response, content: bytes) -> str:
    """A sentence on an answer that the service did not write."""
    if 300 <= response.status_code < 400:
        place = response.headers.get("Location", "nowhere")
        return f"redirected to {place}; redirects are not followed, name the service by its own address"
    return f"an answer that is not the service's; is {response.url} its address? It says {_shown(response, content)}"


def _shown(response: requests.Response, content: bytes) -> str:
    kind = response.headers.get("Content-Type", "no type")
    text = " ".join(content.decode(errors="replace").split())
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return f"({kind}) {text!r}"
