"""The service's error responses: RFC 9457 problem details with a stable ``code``.

Errors::

    Problem             every response that is not a success; carries status, code, detail, extra members and headers
    ├── BadRequest      400, 405, 413, 415: the request is wrong; the same request will always be refused
    ├── Unauthorized    401: the caller's token is not valid
    ├── Forbidden       403: the caller may not use the name
    ├── NotFound        404: the name was never registered
    ├── Conflict        409, 422: the request contradicts what is stored
    └── Unavailable     503: not possible now; sending the same request again is safe and may succeed

Codes are part of the wire (``docs/protocol.md``): new ones may be added, existing ones are never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BadRequest", "Conflict", "Forbidden", "NotFound", "Problem", "Unauthorized", "Unavailable"]


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A response other than success.

    Args:
        code: stable identifier, ``snake_case``
        detail: one sentence: what was wrong, and what was expected
        status: HTTP status; None for the class's own
        headers: added to the response
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
    """The caller sent a token that is not valid."""

    status = 401

    def __init__(self, code: str, detail: str) -> None:
        # RFC 9110 requires a challenge in every 401; RFC 6750 defines its error codes
        super().__init__(code, detail, headers={"WWW-Authenticate": 'Bearer realm="pubsub", error="invalid_token"'})


class Forbidden(Problem):
    """The request is for something that belongs to another identity."""

    status = 403


class NotFound(Problem):
    """The request names something that does not exist."""

    status = 404


class Conflict(Problem):
    """The request contradicts what is already stored."""

    status = 409


class Unavailable(Problem):
    """The service cannot complete the request now; the same request may be sent again after `retry_after_s`."""

    status = 503

    def __init__(self, code: str, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(code, detail, headers={"Retry-After": str(retry_after_s)})
