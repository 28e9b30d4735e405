"""What publish raises: which events have no receipt, and whether they may be stored all the same."""
# ruff: noqa: N818 - as in `_errors`

from __future__ import annotations

from collections.abc import Sequence

from pubsubclient._errors import PubSubError, ServiceError, Unavailable
from pubsubclient._event import Event
from pubsubclient._receipts import Receipt

__all__ = ["PublishError", "PublishRefused", "PublishUnknown"]


class PublishError(PubSubError):
    """A publish did not store all of its events.

    Attributes:
        reason: the error of the request that failed; the requests after it were not sent
        receipts: one for each event of the call, in its order; None where there is none
        events: the events without a receipt, in their order: what to publish again
    """

    outcome = "were not stored"

    def __init__(
        self,
        reason: ServiceError | Unavailable,
        receipts: Sequence[Receipt | None],
        events: Sequence[Event],
    ) -> None:
        super().__init__(reason, receipts, events)
        self.reason = reason
        self.receipts = list(receipts)
        self.events = list(events)

    def __str__(self) -> str:
        return f"{len(self.events)} of {len(self.receipts)} events {self.outcome}: {self.reason}"


class PublishRefused(PublishError):
    """The events without a receipt are surely not stored."""


class PublishUnknown(PublishError):
    """Events without a receipt may be stored all the same.

    Publishing the *same* Event objects again within 10 minutes stores each of them once.
    """

    outcome = "may or may not be stored"
