"""What publish raises: which events have no receipt, and whether they may be stored all the same."""
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
        receipts: one for each event of the call, in its order; None where there is none
        events: the events without a receipt, in their order: what to publish again
        uncertain: whether events without a receipt may be stored all the same
    """

    uncertain = False
    outcome = "were not stored"

    def __init__(
        self,
        reason: ServiceError | Unavailable,
        receipts: Sequence[Receipt | None],
        events: Sequence[Event],
    ) -> None:
        Exception.__init__(self, reason, receipts, events)  # some are Unavailable too, which takes other arguments
        self.reason = reason
        self.receipts = list(receipts)
        self.events = list(events)

    def __str__(self) -> str:
        return f"{len(self.events)} of {len(self.receipts)} events {self.outcome}: {self.reason}"


class PublishRefused(PublishError):
    """The service does not take the events without a receipt, and would not take them later either. They are not stored."""

    def __new__(
        cls, reason: ServiceError | Unavailable, receipts: Sequence[Receipt | None], events: Sequence[Event]
    ) -> Any:
        # the version before pickled an outage as a refusal
        if isinstance(reason, Unavailable):
            return PublishUnavailable(reason, receipts, events)
        return super().__new__(cls)


class PublishUnavailable(PublishError, Unavailable):
    """The service was out of reach. The events without a receipt are not stored; publish them again later."""

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
    """Events without a receipt may be stored all the same.

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
    """The error of a publish whose last request failed for `reason`; `uncertain`: events may be stored all the same."""
    if uncertain:
        return PublishUnknown(reason, receipts, events)
    if isinstance(reason, Unavailable):
        return PublishUnavailable(reason, receipts, events)
    refused: PublishError = PublishRefused(reason, receipts, events)
    return refused
