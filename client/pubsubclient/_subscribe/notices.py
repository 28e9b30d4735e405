"""What the user of a subscriber is to know, and would not look for: said in the log, once each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pubsubclient._http.transport import Transport

__all__ = ["Notices"]

_log = logging.getLogger("pubsubclient.subscriber")


class Notices:
    """What is said of one subscriber."""

    def __init__(self, transport: Transport, subscriber: str) -> None:
        self._transport = transport
        self._subscriber = subscriber
        #: it may have no subscription, and nobody was told
        self._unsubscribed = False
        self._full = False

    def registered(self, body: Mapping[str, Any]) -> None:
        """An answer of `register` says what it subscribes to."""
        self._unsubscribed = body.get("subscriptions") == []

    def subscribed(self) -> None:
        """It has a subscription."""
        self._unsubscribed = False

    def fetching(self) -> None:
        """It is about to get events. Raises ServiceError, Unavailable."""
        if self._unsubscribed:
            # others may have subscribed it since
            self.registered(self._transport.call("register", {"subscriber": self._subscriber}).body)
        if self._unsubscribed:
            self._unsubscribed = False
            _log.warning(
                "Subscriber %s: it has no subscription, so nothing comes: subscribe() to a topic", self._subscriber
            )

    def answered(self, body: Mapping[str, Any]) -> None:
        """It was answered."""
        if body.get("blocked") == "logs" and not self._full:
            self._full = True
            _log.warning(
                "Subscriber %s: its patterns stand for more topics than it may follow, 1,000 logs (a topic has one for each "
                "partition): the others do not come. Share the topics among several subscribers; state().unfollowed counts "
                "those left out",
                self._subscriber,
            )
