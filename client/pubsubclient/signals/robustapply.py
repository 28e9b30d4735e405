"""Calls a callable with those named arguments that it takes."""

from __future__ import annotations

from typing import Any as Untyped

from pubsubclient.signals._engine.signature import Receiver, shape_of

__all__ = ["robustApply"]


def robustApply(receiver: Receiver, /, *arguments: object, **named: object) -> Untyped:  # noqa: N802
    """Call a receiver with all positional arguments, and with those named ones that it takes.

    For a coroutine function the result is its coroutine, which is not awaited.

    Raises:
        TypeError: an argument is missing, or given both by position and by name (raised by Python)
    """
    shape = shape_of(receiver)
    return receiver(*shape.leading(named), *arguments, **shape.select(named))
