"""PyDispatcher's module ``pydispatch.robustapply``."""

from __future__ import annotations

import types

from pubsubclient.dispatcher import robustApply
from pubsubclient.signals._engine.origin import code_of
from pubsubclient.signals._engine.signature import Receiver

__all__ = ["function", "robustApply"]


def function(receiver: Receiver) -> tuple[Receiver, types.CodeType, int]:
    """Return the function that a call of the receiver runs, its code, and how many of its first parameters are bound.

    Raises:
        ValueError: the receiver is not written in Python; `robustApply` can call it nevertheless
    """
    called: Receiver = receiver
    if type(receiver) not in (types.FunctionType, types.MethodType):
        called = getattr(receiver, "__call__", receiver)  # noqa: B004 - the method itself is needed
    code = code_of(called)
    if code is None:
        raise ValueError(f"unknown receiver type {receiver!r} {type(receiver)}")
    return called, code, int(type(called) is types.MethodType)
