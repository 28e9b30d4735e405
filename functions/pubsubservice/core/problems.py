"""What the service answers when it does not do what it was asked to: RFC 9457 problem details with a stable ``code``.

Errors::

    Problem             any answer that is not a success; carries status, code, detail, extra fields and headers
    ├── BadRequest      400, 405, 413, 415: the request itself is wrong; the same request will always be refused
    ├── Unauthorized    401: the caller's token proves nothing
    ├── Forbidden       403: the caller may not use that name
    ├── NotFound        404: a name that was never registered
    ├── Conflict        409, 422: the request contradicts what is stored
    └── Unavailable     503: not now; trying the very same request again is safe and may succeed

Codes are part of the wire (``docs/protocol.md``): they may be added, never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BadRequest", "Conflict", "Forbidden", "NotFound", "Problem", "Unauthorized", "Unavailable"]


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer other than success.

    Args:
        code: stable identifier, ``snake_case``
        detail: one sentence that says what was wrong and what was expected
        status: HTTP status
        headers: added to the answer
        extra: members added to the problem document (for instance ``event``: the id of the event at fault)
    """

    status = 500

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: str | int,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = self.status if status is None else status
        self.headers = dict(headers or {})
        self.extra = extra


class BadRequest(Problem):
    """The request is malformed, too large, or not understood."""

    status = 400


class Unauthorized(Problem):
    """The caller sent a token, and it does not prove who they are."""

    status = 401

    def __init__(self, code: str, detail: str) -> None:
        # RFC 9110 asks for a challenge in every 401; the codes of this one are RFC 6750's
        super().__init__(code, detail, headers={"WWW-Authenticate": 'Bearer realm="pubsub", error="invalid_token"'})


class Forbidden(Problem):
    """The request is about something that belongs to another identity."""

    status = 403


class NotFound(Problem):
    """The request names something that does not exist."""

    status = 404


class Conflict(Problem):
    """The request contradicts what is already stored."""

    status = 409


class Unavailable(Problem):
    """The store could not settle the request now; the same request may be sent again."""

    status = 503

    def __init__(self, code: str, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(code, detail, headers={"Retry-After": str(retry_after_s)})
