"""Tell whether a receiver is a function that is just being defined, with ``@signal.connect`` above it.

Its name will then stand for what `connect` returns, and nothing else may hold the function. The count of its references
does not show that: it is the same as that of a function in a variable.
"""

from __future__ import annotations

import sys
import types

__all__ = ["is_being_decorated"]

#: How many decorators to look through.
_MAX_WRAPPERS = 32


def is_being_decorated(receiver: object, depth: int) -> bool:
    """Whether the caller is at a decorator of the receiver, or of the function that the receiver wraps.

    Args:
        receiver: What is being connected.
        depth: How many calls of this package it went through as an argument, this one not counted.
    """
    code = _code_of_wrapped(receiver)
    if code is None or code.co_name == "<lambda>":
        return False
    caller = sys._getframe(depth + 1)  # noqa: SLF001 - as the standard library's `namedtuple` does
    # A function begins at its first decorator; nothing else of the caller is between that and the function's body.
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
        except Exception:  # noqa: BLE001 - it has none, or it answers in a way of its own
            return None
    return None
