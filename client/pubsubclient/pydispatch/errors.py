"""PyDispatcher's module ``pydispatch.errors``."""

from __future__ import annotations

from pubsubclient.dispatcher import DispatcherError, DispatcherKeyError, DispatcherTypeError

__all__ = ["DispatcherError", "DispatcherKeyError", "DispatcherTypeError"]
