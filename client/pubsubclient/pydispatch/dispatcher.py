"""PyDispatcher's module ``pydispatch.dispatcher``, without its internal tables `connections`, `senders` and `sendersBack`."""

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

#: The classes of the wildcards, under the private names that programs import.
_Parameter, _Any, _Anonymous = Wildcard, AnyType, AnonymousType

#: The types of the references that `getReceivers` returns for weakly connected receivers.
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
