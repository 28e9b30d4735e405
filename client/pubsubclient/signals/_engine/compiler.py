"""Compile the functions that sends run, and keep what is compiled.

What is kept holds no receiver and no signal: a text is compiled once for all receivers of its shapes.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any as Untyped

from pubsubclient.signals._engine.link import Receiver
from pubsubclient.signals._engine.origin import blame, describe, safe_repr
from pubsubclient.signals._engine.source import Text, write
from pubsubclient.signals.errors import AsyncReceiverError

__all__ = ["Bind", "Plan", "compiled", "kept", "refuse"]

#: A function that sends: (signal, sender, arguments, named) -> responses, or a coroutine that gives them.
Plan = Callable[[Untyped, object, tuple[object, ...], dict[str, object]], Untyped]

#: Makes such a function from the handles of the receivers, run by run, and from what to do about other arguments.
Bind = Callable[[tuple[object, ...], Plan], Plan]

#: {text: function}, oldest first.
_kept: dict[Text, Bind] = {}
_MAX_KEPT = 512


def refuse(receiver: Receiver, signal: object) -> AsyncReceiverError:
    """The error for an async receiver that is met by a send that cannot await it."""
    where = describe(receiver)
    message = f"{where} is async: send {safe_repr(signal)} with asend, or connect a receiver that is not"
    return AsyncReceiverError(message, signal=signal, receiver=where)


_NAMESPACE = {
    "MethodType": types.MethodType,
    "blame": blame,
    "isawaitable": inspect.isawaitable,
    "refuse": refuse,
}


def kept(text: Text) -> Bind | None:
    """What is compiled of a text already."""
    return _kept.get(text)


def compiled(text: Text) -> Bind:
    """Compile a text, unless it is compiled. That takes as long as hundreds of sends."""
    bind = _kept.get(text)
    if bind is None:
        module = compile(write(text), "<signals>", "exec")
        (code,) = (constant for constant in module.co_consts if isinstance(constant, types.CodeType))
        while len(_kept) >= _MAX_KEPT:
            # Threads may do this at once: each removes one, and one that is gone already is no matter.
            _kept.pop(next(iter(tuple(_kept)), text), None)
        bind = _kept[text] = types.FunctionType(code, _NAMESPACE, "bind")
    return bind
