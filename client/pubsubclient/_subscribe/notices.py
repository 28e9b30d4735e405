"""Logs warnings, once each, about reasons why a subscriber gets no events."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pubsubclient._http.transport import Transport

__all__ = ["Notices"]

_log = logging.getLogger("pubsubclient.subscriber")


class Notices:
    """The warnings about one subscriber."""

    def __init__(self, transport: Transport, subscriber: str) -> None:
        self._transport = transport
        self._subscriber = subscriber
        #: whether the subscriber may have no subscription, and no warning was logged yet
        self._unsubscribed = False
        #: whether the warning about too many topics was logged
        self._warned_of_logs = False

    def registered(self, body: Mapping[str, Any]) -> None:
        """Read from a response of `register` whether the subscriber has subscriptions."""
        self._unsubscribed = body.get("subscriptions") == []

    def subscribed(self) -> None:
        """Record that the subscriber has a subscription."""
        self._unsubscribed = False

    def fetching(self) -> None:
        """Warn, before a fetch, if the subscriber has no subscription. Raises ServiceError, Unavailable."""
        if self._unsubscribed:
            # another process may have subscribed the name since
            self.registered(self._transport.call("register", {"subscriber": self._subscriber}).body)
        if self._unsubscribed:
            self._unsubscribed = False
            _log.warning(
                "Subscriber %s: it has no subscription, so it gets no events: subscribe() to a topic", self._subscriber
            )

    def read_response(self, body: Mapping[str, Any]) -> None:
        """Warn if a response says that topics are not followed."""
        if body.get("blocked") == "logs" and not self._warned_of_logs:
            self._warned_of_logs = True
            _log.warning(
                "Subscriber %s: its patterns stand for more topics than it may follow: 1,000 logs, one per partition "
                "of a topic. It gets no events of the other topics. Share the topics among several subscribers; "
                "state().unfollowed counts the topics left out",
                self._subscriber,
            )
