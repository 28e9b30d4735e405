"""Connect a function where it is defined."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any as Untyped
from typing import TypeVar

from pubsubclient.signals.connection import make
from pubsubclient.signals.wildcard import Any

__all__ = ["receiver"]

F = TypeVar("F", bound=Callable[..., Untyped])


def receiver(
    signal: Hashable | list[Hashable],
    sender: object = Any,
    *,
    weak: bool = True,
    dispatch_uid: Hashable = None,
    once: bool = False,
    priority: int = 0,
) -> Callable[[F], F]:
    """Connect the function below, and leave it as it is.

    Args:
        signal: One signal, or a list of them. (A tuple is one signal: it is hashable.)
        sender, weak, dispatch_uid, once, priority: As in `pubsubclient.dispatcher.connect`.
    """
    signals = signal if isinstance(signal, list) else [signal]

    def connect_it(function: F) -> F:
        for each in signals:
            make(function, each, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority)
        return function

    return connect_it
