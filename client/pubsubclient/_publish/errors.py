"""The errors of publish: which events have no receipt, and whether those may be stored nevertheless."""
# ruff: noqa: N818 - as in `_core.errors`

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pubsubclient._core.errors import PubSubError, ServiceError, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._publish.receipts import Receipt

__all__ = ["PublishError", "PublishRefused", "PublishUnavailable", "PublishUnknown", "publish_error"]


class PublishError(PubSubError):
    """A publish did not store all of its events.

    Attributes:
        reason: the error of the request that failed; the requests after it were not sent
        receipts: a receipt or None for each event of the call, in the order of the call
        events: the events without a receipt, in the order of the call; publish these again
        uncertain: whether events without a receipt may be stored nevertheless
    """

    uncertain = False
    outcome = "were not stored"

    def __init__(
        self,
        reason: ServiceError | Unavailable,
        receipts: Sequence[Receipt | None],
        events: Sequence[Event],
    ) -> None:
        Exception.__init__(self, reason, receipts, events)  # not super(): Unavailable takes other arguments
        self.reason = reason
        self.receipts = list(receipts)
        self.events = list(events)

    def __str__(self) -> str:
        return f"{len(self.events)} of {len(self.receipts)} events {self.outcome}: {self.reason}"


class PublishRefused(PublishError):
    """The service rejects the events without a receipt, now and later. They are not stored."""

    def __new__(
        cls, reason: ServiceError | Unavailable, receipts: Sequence[Receipt | None], events: Sequence[Event]
    ) -> Any:
        # unpickling: the previous version raised and pickled an outage as PublishRefused
        if isinstance(reason, Unavailable):
            return PublishUnavailable(reason, receipts, events)
        return super().__new__(cls)


class PublishUnavailable(PublishError, Unavailable):
    """The service could not be reached. The events without a receipt are not stored; publish them again later."""

    def __init__(
        self,
        reason: ServiceError | Unavailable,
        receipts: Sequence[Receipt | None],
        events: Sequence[Event],
    ) -> None:
        super().__init__(reason, receipts, events)
        self.function = reason.function
        self.last: Exception = reason
        self.url, self.tries, self.elapsed_s = "", 1, 0.0
        if isinstance(reason, Unavailable):
            self.url, self.tries, self.elapsed_s, self.last = reason.url, reason.tries, reason.elapsed_s, reason.last


class PublishUnknown(PublishUnavailable):
    """Events without a receipt may be stored nevertheless.

    Publishing the *same* Event objects again within 10 minutes stores each of them once.
    """

    uncertain = True
    outcome = "may or may not be stored"


def publish_error(
    reason: ServiceError | Unavailable,
    receipts: Sequence[Receipt | None],
    events: Sequence[Event],
    *,
    uncertain: bool,
) -> PublishError:
    """Return the error of a publish whose last request failed for `reason`; `uncertain`: events may be stored nevertheless."""
    if uncertain:
        return PublishUnknown(reason, receipts, events)
    if isinstance(reason, Unavailable):
        return PublishUnavailable(reason, receipts, events)
    refused: PublishError = PublishRefused(reason, receipts, events)
    return refused
