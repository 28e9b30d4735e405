"""PyDispatcher's module ``pydispatch.robust``."""

from __future__ import annotations

from pubsubclient.dispatcher import Anonymous, Any, getAllReceivers, liveReceivers, robustApply, sendRobust

__all__ = ["Anonymous", "Any", "getAllReceivers", "liveReceivers", "robustApply", "sendRobust"]
