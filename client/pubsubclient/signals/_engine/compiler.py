"""Compiles the functions that sends run, and caches the compiled code.

The cache refers to no receiver and no signal: a text is compiled once for all receivers with the same shapes.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any as Untyped

from pubsubclient.signals._engine.origin import blame, describe, safe_repr
from pubsubclient.signals._engine.signature import Receiver
from pubsubclient.signals._engine.source import Text, write
from pubsubclient.signals.errors import AsyncReceiverError

__all__ = ["Bind", "Plan", "cached", "compiled", "refuse"]

#: A function that sends: (signal, sender, arguments, named) -> responses, or a coroutine that returns them.
Plan = Callable[[Untyped, object, tuple[object, ...], dict[str, object]], Untyped]

#: Makes a plan from the handles of the receivers, run by run, and from the plan for arguments that do not fit.
Bind = Callable[[tuple[object, ...], Plan], Plan]

#: {text: compiled function}, oldest first.
_cache: dict[Text, Bind] = {}
_MAX_CACHED = 512


def refuse(receiver: Receiver, signal: object) -> AsyncReceiverError:
    """Return the error for an async receiver in a send that cannot await it."""
    where = describe(receiver)
    return AsyncReceiverError(
        f"{where} is async: send {safe_repr(signal)} with asend, or connect a receiver that is not async",
        signal=signal,
        receiver=where,
    )


_NAMESPACE = {
    "MethodType": types.MethodType,
    "blame": blame,
    "isawaitable": inspect.isawaitable,
    "refuse": refuse,
}


def cached(text: Text) -> Bind | None:
    """Return the compiled function of a text, or None if it is not in the cache."""
    return _cache.get(text)


def compiled(text: Text) -> Bind:
    """Return the compiled function of a text. Compiling takes as long as hundreds of sends."""
    bind = _cache.get(text)
    if bind is None:
        module = compile(write(text), "<signals>", "exec")
        (code,) = (constant for constant in module.co_consts if isinstance(constant, types.CodeType))
        while len(_cache) >= _MAX_CACHED:
            # Several threads may do this at once, so the entry may be gone already.
            _cache.pop(next(iter(tuple(_cache)), text), None)
        bind = _cache[text] = types.FunctionType(code, _NAMESPACE, "bind")
    return bind
