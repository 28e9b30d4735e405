"""``pydispatch.dispatcher``. Its tables (`connections`, `senders`, `sendersBack`) were private and are not here.

The classes of its wildcards are, because programs import them.
"""

from __future__ import annotations

import weakref

from pubsubclient.dispatcher import (
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
from pubsubclient.pydispatch import errors, robustapply, saferef
from pubsubclient.signals.wildcard import AnonymousType, AnyType, Wildcard

#: The classes of the wildcards.
_Parameter, _Any, _Anonymous = Wildcard, AnyType, AnonymousType

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
