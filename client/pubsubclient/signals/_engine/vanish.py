"""Warn about weak connections that nothing keeps alive.

Certain cases are found at connect, by counting references: a lambda or a partial that is passed on the spot, a
method of an instance made on the spot. A function that goes with the frame that connected it can only be seen
to be lost when it dies; if nothing at all has been sent until then, that is reported the way Python reports an
unclosed file, which is silent unless resource warnings are shown (as under ``-X dev`` or pytest).
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

_references: Callable[[object], int] = getattr(sys, "getrefcount", lambda _: sys.maxsize)


def _as_argument(receiver: object, depth: int) -> int:
    return _references(receiver) if depth == 0 else _as_argument(receiver, depth - 1)


def _calibrate() -> tuple[int, ...]:
    """The counts of an object that only the arguments of calls refer to, by the number of calls it went through.

    Interpreters differ in how many references a call makes. One that makes none (or that counts otherwise) shows
    the same count for an object that a variable holds as well; then nothing can be told, and no warning is given.
    """
    held = object()
    return tuple(
        _as_argument(object(), depth) if _as_argument(object(), depth) < _as_argument(held, depth) else 0
        for depth in range(4)
    )


_TEMPORARY = _calibrate()


def warn_if_vanishing(receiver: Callable[..., Untyped], depth: int) -> bool:
    """Warn, and tell, if a receiver is referred to by nothing but the arguments of the calls that led here.

    Args:
        receiver: What is being connected weakly.
        depth: How many calls of this package it went through as an argument, this one not counted.
    """
    if _references(receiver) > _TEMPORARY[depth]:
        return False
    if type(receiver) is types.MethodType:
        # A method object is always made on the spot; its instance or its function must be, too.
        if min(_references(receiver.__self__), _references(receiver.__func__)) > _OWNED_ONCE:
            return False
    elif type(receiver) is types.BuiltinMethodType:
        return False
    warnings.warn(
        f"{describe(receiver)} is connected weakly and nothing else refers to it, so it is gone before any signal "
        "comes: keep a reference to it, or connect it with weak=False",
        VanishingReceiverWarning,
        stacklevel=depth + 2,
    )
    return True


class _Owner:
    def method(self) -> None:
        """Only there to be bound."""


def _count_owner() -> int:
    bound = _Owner().method
    return _references(bound.__self__)  # type: ignore[attr-defined]


#: The count of an instance that only a method object refers to.
_OWNED_ONCE = _count_owner()


def warn_vanished(code: types.CodeType) -> None:
    """Warn that a function died before any signal was sent. At shutdown everything dies, and nothing is said."""
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
