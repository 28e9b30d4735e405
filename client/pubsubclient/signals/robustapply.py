"""Call a callable with the part of the named arguments that it takes."""

from __future__ import annotations

from typing import Any as Untyped

from pubsubclient.signals._engine.link import Receiver
from pubsubclient.signals._engine.signature import shape_of

__all__ = ["robustApply"]


def robustApply(receiver: Receiver, /, *arguments: object, **named: object) -> Untyped:  # noqa: N802
    """Call a receiver with all arguments given by position and those named ones that it takes.

    A coroutine function gives its coroutine: nothing is awaited here.

    Raises:
        TypeError: Python's own, if an argument is missing, or given by position and by name.
    """
    shape = shape_of(receiver)
    return receiver(*shape.leading(named), *arguments, **shape.select(named))
