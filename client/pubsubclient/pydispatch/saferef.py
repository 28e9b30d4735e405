"""PyDispatcher's module ``pydispatch.saferef``."""

from __future__ import annotations

from pubsubclient.dispatcher import BoundMethodWeakref, safeRef

__all__ = ["BoundMethodWeakref", "safeRef"]
