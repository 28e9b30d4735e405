"""Functions to connect and send signals, compatible with PyDispatcher.

A program written for PyDispatcher changes only its import::

    from pubsubclient import dispatcher

    dispatcher.connect(on_saved, signal="saved")
    dispatcher.send("saved", sender=document, path=path)

`Any` and `Anonymous` are the wildcards. A signal can be any hashable object, also a `Signal` of `pubsubclient.signals`.
"""

from __future__ import annotations

from pubsubclient.signals import errors
from pubsubclient.signals._engine.saferef import BoundMethodWeakref, safeRef
from pubsubclient.signals._engine.send import asend, asend_robust, send, send_exact, send_robust
from pubsubclient.signals.connection import Connection, connect, disconnect
from pubsubclient.signals.declaring import receiver
from pubsubclient.signals.errors import (
    AsyncReceiverError,
    DispatcherError,
    DispatcherKeyError,
    DispatcherTypeError,
    VanishedReceiverWarning,
    VanishingReceiverWarning,
)
from pubsubclient.signals.explain import explain
from pubsubclient.signals.listing import getAllReceivers, getReceivers, liveReceivers
from pubsubclient.signals.robustapply import robustApply
from pubsubclient.signals.signal import Signal
from pubsubclient.signals.wildcard import Anonymous, AnonymousType, Any, AnyType, Wildcard

# PyDispatcher's names. The wildcards' classes have private names there, but programs import them.
sendExact = send_exact  # noqa: N816
sendRobust = send_robust  # noqa: N816
_Parameter, _Any, _Anonymous = Wildcard, AnyType, AnonymousType

__all__ = [
    "Anonymous",
    "Any",
    "AsyncReceiverError",
    "BoundMethodWeakref",
    "Connection",
    "DispatcherError",
    "DispatcherKeyError",
    "DispatcherTypeError",
    "Signal",
    "VanishedReceiverWarning",
    "VanishingReceiverWarning",
    "asend",
    "asend_robust",
    "connect",
    "disconnect",
    "errors",
    "explain",
    "getAllReceivers",
    "getReceivers",
    "liveReceivers",
    "receiver",
    "robustApply",
    "safeRef",
    "send",
    "sendExact",
    "sendRobust",
    "send_exact",
    "send_robust",
]
