"""The decorator `receiver`, which connects a function where it is defined."""

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
    """Decorator: connect the function to one or more signals, and return it unchanged.

    Args:
        signal: one signal, or a list of signals (a tuple is one signal, because it is hashable)
        sender: only sends of this sender; these arguments are described at `pubsubclient.dispatcher.connect`
        weak: refer to the function weakly
        dispatch_uid: the name of the connection
        once: end the connection with the first send that reaches the function
        priority: receivers with a higher priority are called first
    """
    signals = signal if isinstance(signal, list) else [signal]

    def decorate(function: F) -> F:
        for each in signals:
            make(function, each, sender, weak=weak, dispatch_uid=dispatch_uid, once=once, priority=priority)
        return function

    return decorate
