"""``pydispatch.errors``."""

from __future__ import annotations

from ..dispatcher import DispatcherError, DispatcherKeyError, DispatcherTypeError

__all__ = ["DispatcherError", "DispatcherKeyError", "DispatcherTypeError"]
