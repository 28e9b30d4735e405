"""What a user is to know of a subscriber, and would not look for: said in the log, once each."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["Notices"]

_log = logging.getLogger(__name__)

#: by what an answer says is the reason that no events come, or not all
_NOTICES = {
    "unsubscribed": "it has no subscription, so nothing comes: subscribe() to a topic",
    "logs": (
        "it follows as many logs as a subscriber may, 1,000 (a topic has one for each partition): what its patterns stand for "
        "beyond these does not come. Share the topics among several subscribers; state().unfollowed counts those left out"
    ),
}


class Notices:
    """What was said of one subscriber."""

    def __init__(self, subscriber: str) -> None:
        self._subscriber = subscriber
        self._said: set[Any] = set()

    def see(self, blocked: Any) -> None:
        """An answer says that events are held back, and why; None if it does not."""
        if blocked in _NOTICES and blocked not in self._said:
            self._said.add(blocked)
            _log.warning("Subscriber %s: %s", self._subscriber, _NOTICES[blocked])
