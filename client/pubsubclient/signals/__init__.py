"""Signals inside one process: connect any callable to any signal of any sender.

`pubsubclient.dispatcher` has the functions, this package the typed `Signal` objects; both share one set of
connections. Nothing here needs the network.
"""

from __future__ import annotations

from .connection import Connection
from .declaring import receiver
from .errors import (
    AsyncReceiverError,
    DispatcherError,
    DispatcherKeyError,
    DispatcherTypeError,
    VanishedReceiverWarning,
    VanishingReceiverWarning,
)
from .explain import Delivery, Explanation
from .signal import Signal
from .taps import Captured
from .wildcard import Anonymous, Any

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
