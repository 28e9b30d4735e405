"""The errors of this package.

Errors::

    PubSubError
    ├── ConfigurationError  no service is configured, or its address is malformed
    │   ├── IdentityError   there are no credentials, or they give no ID tokens
    │   ├── NoServiceNamed  no service is configured
    │   └── InvalidAddress  the address of a service is malformed
    ├── InvalidArgument     an argument that every service rejects; nothing was sent (a ValueError too)
    ├── ServiceError        the service responded with an error
    │   ├── Forbidden       401, 403: the caller may not do this
    │   ├── NotFound        404: what the request names does not exist
    │   ├── Conflict        409, 422: the request contradicts what is stored
    │   │   └── SettingsDiffer  a topic has other settings than the program expects (a ConfigurationError too)
    │   └── TooLarge        413: the request is too large
    ├── BatchClosed         the batch takes no more events
    ├── Unavailable         no final response before the deadline
    └── PublishError        a publish that did not store all of its events
        ├── PublishRefused      the service rejects the events without a receipt; they are not stored
        └── PublishUnavailable  the service could not be reached; the same events are not stored (an Unavailable too)
            └── PublishUnknown  some of these may be stored; publishing the same events again is safe for 10 minutes

Each error's `retryable` says whether the same call may succeed later. The errors of publish, which carry events and receipts,
are in `_publish.errors`. All errors can be pickled, because ``args`` holds the constructor's arguments.
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
    "InvalidAddress",
    "InvalidArgument",
    "NoServiceNamed",
    "NotFound",
    "PubSubError",
    "ServiceError",
    "SettingsDiffer",
    "TooLarge",
    "Unavailable",
]


#: the page that has a section for each code
_PROBLEMS = "https://github.com/pubsubclient/pubsubclient/blob/main/docs/problems.md"


class PubSubError(Exception):
    """The base of all errors of this package.

    Attributes:
        retryable: whether the same call may succeed later
    """

    retryable = False


class ConfigurationError(PubSubError):
    """No service is configured, or its configuration is malformed."""


class IdentityError(ConfigurationError):
    """Credentials are missing or give no ID tokens, or the extra ``gcp`` is not installed."""


class NoServiceNamed(ConfigurationError):
    """No service is configured."""


class InvalidAddress(ConfigurationError):
    """The address of a service is malformed or incomplete."""


class InvalidArgument(PubSubError, ValueError):
    """An argument breaks a documented rule. Raised before anything is sent."""


class BatchClosed(PubSubError):
    """The batch takes no more events: it was closed, or belongs to the process that this one was forked from."""


class ServiceError(PubSubError):
    """The service, or a proxy in front of it, responded with an error.

    Attributes:
        function: the function that was called, for instance ``"subscribe"``
        status: HTTP status
        code: stable identifier of the problem, for instance ``"invalid_name"``; ``"http_502"`` and the like
            when the response is not the service's own
        detail: one sentence that says what was wrong
        extra: further members of the problem document
        help: the address of the section about this code; None for a code that is not the service's own
        uncertain: whether an earlier try of the same request got no response, and may have taken effect
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

    @property
    def help(self) -> str | None:
        return None if self.code.startswith("http_") else f"{_PROBLEMS}#{self.code}"

    def __str__(self) -> str:
        return f"{self.function}: {self.detail} ({self.status} {self.code})"


class Forbidden(ServiceError):
    """The caller may not call this function, or not under this name."""


class NotFound(ServiceError):
    """The request names something that does not exist; for instance a subscriber that was never registered."""


class Conflict(ServiceError):
    """The request contradicts what is stored; for instance another number of partitions."""


class SettingsDiffer(Conflict, ConfigurationError):
    """A topic has other settings than the program expects; the program did not ask to change them, or they are fixed."""


class TooLarge(ServiceError):
    """The request is larger than the service accepts."""


class Unavailable(PubSubError):
    """No try before the deadline got a final response.

    Attributes:
        function: the function that was called
        url: the function's URL
        tries: the number of tries
        elapsed_s: seconds from the first try to the last failure
        last: the error of the last try
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
        return f"{self.function}: no response from {self.url} in {self.elapsed_s:.1f} s, {tries}: {self.last}"
