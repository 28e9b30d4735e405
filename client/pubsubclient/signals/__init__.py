"""Signals inside one process: connect any callable to any signal of any sender.

`pubsubclient.dispatcher` has the functions, this package has the typed `Signal` objects. Both share one set of
connections. Neither uses the network.
"""

from __future__ import annotations

from pubsubclient.signals._engine.capture import Captured
from pubsubclient.signals.connection import Connection
from pubsubclient.signals.declaring import receiver
from pubsubclient.signals.errors import (
    AsyncReceiverError,
    DispatcherError,
    DispatcherKeyError,
    DispatcherTypeError,
    VanishedReceiverWarning,
    VanishingReceiverWarning,
)
from pubsubclient.signals.explain import Delivery, Explanation
from pubsubclient.signals.signal import Signal
from pubsubclient.signals.wildcard import Anonymous, Any

__all__ = [
    "Anonymous",
    "Any",
    "AsyncReceiverError",
    "Captured",
    "Connection",
    "Delivery",
    "DispatcherError",
    "DispatcherKeyError",
    "DispatcherTypeError",
    "Explanation",
    "Signal",
    "VanishedReceiverWarning",
    "VanishingReceiverWarning",
    "receiver",
]
