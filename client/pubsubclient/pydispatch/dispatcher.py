"""``pydispatch.dispatcher``. Its tables (`connections`, `senders`, `sendersBack`) were private and are not here."""

from __future__ import annotations

import weakref

from ..dispatcher import (
    Anonymous,
    Any,
    connect,
    disconnect,
    getAllReceivers,
    getReceivers,
    liveReceivers,
    send,
    sendExact,
)
from . import errors, robustapply, saferef

#: The types of what `getReceivers` gives for weakly connected receivers.
WEAKREF_TYPES = (weakref.ReferenceType, saferef.BoundMethodWeakref)

__all__ = [
    "WEAKREF_TYPES",
    "Anonymous",
    "Any",
    "connect",
    "disconnect",
    "errors",
    "getAllReceivers",
    "getReceivers",
    "liveReceivers",
    "robustapply",
    "saferef",
    "send",
    "sendExact",
]
