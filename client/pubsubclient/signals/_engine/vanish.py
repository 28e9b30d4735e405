"""Warns about weakly connected receivers that nothing keeps alive.

Counting references at connect finds the certain cases: a lambda, a partial, or a method of an instance, created in the
call of connect. A local function that dies with the frame that connected it is found only at its death. If nothing has
been sent until then, a ResourceWarning reports it, as Python does for an unclosed file; it is silent unless resource
warnings are shown (with ``-X dev`` or in pytest).
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from typing import Any as Untyped

from pubsubclient.signals._engine.origin import describe, describe_code
from pubsubclient.signals.errors import VanishedReceiverWarning, VanishingReceiverWarning

__all__ = ["warn_if_vanishing", "warn_vanished"]

_count: Callable[[object], int] = getattr(sys, "getrefcount", lambda _: sys.maxsize)


def _count_through_calls(receiver: object, depth: int) -> int:
    return _count(receiver) if depth == 0 else _count_through_calls(receiver, depth - 1)


def _calibrate() -> tuple[int, ...]:
    """Return the reference counts of a temporary object, by the number of calls it went through as an argument.

    Interpreters differ in how many references a call adds. On one that adds none, or counts differently, a temporary
    object has the same count as an object in a variable. The count is then 0 here, and no warning is given.
    """
    held = object()
    return tuple(
        _count_through_calls(object(), depth)
        if _count_through_calls(object(), depth) < _count_through_calls(held, depth)
        else 0
        for depth in range(4)
    )


_TEMPORARY = _calibrate()


def warn_if_vanishing(receiver: Callable[..., Untyped], depth: int) -> bool:
    """Warn, and return True, if only the arguments of the current calls refer to a receiver.

    Args:
        receiver: the callable being connected weakly
        depth: how many calls of this package the receiver went through, without this one
    """
    if _count(receiver) > _TEMPORARY[depth]:
        return False
    if type(receiver) is types.MethodType:
        # A method object is always temporary. Its instance or its function must be temporary, too.
        if min(_count(receiver.__self__), _count(receiver.__func__)) > _OWNED_ONCE:
            return False
    elif type(receiver) is types.BuiltinMethodType:
        return False
    warnings.warn(
        f"{describe(receiver)} is connected weakly and nothing else refers to it, so it dies before any signal "
        "is sent: keep a reference to it, or connect it with weak=False",
        VanishingReceiverWarning,
        stacklevel=depth + 2,
    )
    return True


class _Owner:
    def method(self) -> None:
        """Do nothing; only the bound method is needed."""


def _count_owner() -> int:
    bound = _Owner().method
    return _count(bound.__self__)  # type: ignore[attr-defined]


#: The reference count of an instance that only a method object refers to.
_OWNED_ONCE = _count_owner()


def warn_vanished(code: types.CodeType) -> None:
    """Warn that a function died before any signal was sent. At shutdown, when everything dies, do nothing."""
    if sys.is_finalizing():
        return
    name = getattr(code, "co_qualname", code.co_name)
    warnings.warn_explicit(
        f"the weakly connected receiver {describe_code(name, code)} died before any signal was sent: keep a "
        "reference to it, or connect it with weak=False",
        VanishedReceiverWarning,
        code.co_filename,
        code.co_firstlineno,
    )
