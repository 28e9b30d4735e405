"""Detects ``@signal.connect`` used as a decorator, while it connects the function below it.

The function's name will then refer to the `Connection` that `connect` returns, so nothing else may keep the function alive.
Its reference count does not reveal this: it equals the count of a function in a variable.
"""

from __future__ import annotations

import sys
import types

__all__ = ["is_being_decorated"]

#: The most decorators to look through.
_MAX_WRAPPERS = 32


def is_being_decorated(receiver: object, depth: int) -> bool:
    """Whether the user's code is decorating the receiver, or the function that the receiver wraps.

    Args:
        receiver: the callable being connected
        depth: how many calls of this package the receiver went through, without this one
    """
    code = _code_of_wrapped(receiver)
    if code is None or code.co_name == "<lambda>":
        return False
    caller = sys._getframe(depth + 1)  # noqa: SLF001 - as the standard library's `namedtuple` does
    # A function's code begins at its first decorator, and between that line and its body the caller runs nothing else.
    first = code.co_firstlineno
    if caller.f_lineno < first:
        return False
    body = next((line for _, _, line in code.co_lines() if line is not None and line > first), first)
    return caller.f_lineno <= body and code in caller.f_code.co_consts


def _code_of_wrapped(receiver: object) -> types.CodeType | None:
    for _ in range(_MAX_WRAPPERS):
        if type(receiver) is types.FunctionType and not hasattr(receiver, "__wrapped__"):
            return receiver.__code__
        try:
            receiver = receiver.__wrapped__  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - the attribute is missing, or the receiver's own code raised
            return None
    return None
