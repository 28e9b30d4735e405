"""Everything that this package raises on purpose.

Errors::

    PubSubError
    ├── ConfigurationError  no service is named, or its address is malformed
    │   └── IdentityError   there is nothing that says who calls: no credentials, or none that can
    ├── InvalidArgument     an argument that no service would take; nothing was sent (a ValueError too)
    ├── ServiceError        the service answered, and not with a success
    │   ├── Forbidden       401, 403: the caller may not do this
    │   ├── NotFound        404: what the request names does not exist
    │   ├── Conflict        409, 422: the request contradicts what is stored
    │   │   └── SettingsDiffer  a topic has other settings than a program says (a ConfigurationError too)
    │   └── TooLarge        413: more than fits one request
    ├── BatchClosed         a batch that takes no more events
    ├── Unavailable         no answer that counts before the deadline
    └── PublishError        a publish that did not store all of its events
        ├── PublishRefused      the service does not take them; what has no receipt is not stored
        └── PublishUnavailable  the service was out of reach; what has no receipt is not stored (Unavailable too)
            └── PublishUnknown  some of it may be stored; publishing the same events again is safe for 10 minutes

Each says by `retryable` whether the same call may succeed later. Those of publish, which know events and receipts, are in
`_publish_errors`. All of them survive pickling: what the constructor takes is what ``args`` holds.
"""
# ruff: noqa: N818 - only some end in Error: a reader of ``except NotFound`` needs no suffix

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BatchClosed",
    "ConfigurationError",
    "Conflict",
    "Forbidden",
    "IdentityError",
    "InvalidArgument",
    "NotFound",
    "PubSubError",
    "ServiceError",
    "SettingsDiffer",
    "TooLarge",
    "Unavailable",
]


class PubSubError(Exception):
    """The base of all errors of this package.

    Attributes:
        retryable: whether the same call may succeed later
    """

    retryable = False


class ConfigurationError(PubSubError):
    """The service cannot be found, or what names it is malformed."""


class IdentityError(ConfigurationError):
    """Credentials are missing or make no ID tokens, or the extra that knows them is not installed."""


class InvalidArgument(PubSubError, ValueError):
    """An argument breaks a documented rule. Raised before anything is sent."""


class BatchClosed(PubSubError):
    """The batch takes no more events: it was closed, or belongs to the process that this one was forked from."""


class ServiceError(PubSubError):
    """The service, or something on the way to it, answered with an error.

    Attributes:
        function: the function that was called, for instance ``"subscribe"``
        status: HTTP status
        code: stable identifier of the problem, for instance ``"invalid_name"``; ``"http_502"`` and the like
            when the answer did not come from the service
        detail: one sentence on what was wrong
        extra: further members of the problem document
        uncertain: an earlier try of the same request ended without an answer, and may have taken effect
    """

    uncertain = False

    def __init__(
        self, function: str, status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(function, status, code, detail, extra)
        self.function = function
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = dict(extra or {})

    def __str__(self) -> str:
        return f"{self.function}: {self.detail} ({self.status} {self.code})"


class Forbidden(ServiceError):
    """The caller may not call this function, or not under this name."""


class NotFound(ServiceError):
    """What the request names does not exist; for instance a subscriber that was never registered."""


class Conflict(ServiceError):
    """The request contradicts what is stored; for instance another number of partitions."""


class SettingsDiffer(Conflict, ConfigurationError):
    """A topic has other settings than a program says, which did not ask to change them or cannot."""


class TooLarge(ServiceError):
    """The request holds more than the service takes at once."""


class Unavailable(PubSubError):
    """The deadline passed, over all tries, without an answer that counts.

    Attributes:
        function: the function that was called
        url: where
        tries: how often
        elapsed_s: seconds from the first try to giving up
        last: what ended the last try
        uncertain: False if no try can have reached the service; True if one may have taken effect
    """

    retryable = True
    uncertain = False

    def __init__(self, function: str, url: str, tries: int, elapsed_s: float, last: Exception) -> None:
        super().__init__(function, url, tries, elapsed_s, last)
        self.function = function
        self.url = url
        self.tries = tries
        self.elapsed_s = elapsed_s
        self.last = last

    def __str__(self) -> str:
        tries = "1 try" if self.tries == 1 else f"{self.tries} tries"
        return f"{self.function}: no answer from {self.url} in {self.elapsed_s:.1f} s, {tries}: {self.last}"
