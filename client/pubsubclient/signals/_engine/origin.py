"""Where a receiver comes from: its name, file and line, for errors, warnings and explanations."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any as Untyped

__all__ = ["blame", "code_of", "describe", "describe_code", "innermost", "safe_repr"]


def innermost(receiver: object) -> object:
    """What a partial calls, through all partials; anything else as it is.

    Like all that asks for the kind of a receiver, this goes by its type: `isinstance` believes a mock that says it is
    a function.
    """
    while issubclass(type(receiver), functools.partial):
        receiver = receiver.func  # type: ignore[attr-defined]
    return receiver


def code_of(receiver: object) -> types.CodeType | None:
    """The code that runs when the receiver is called, or None for what is not written in Python."""
    receiver = innermost(receiver)
    if type(receiver) is types.MethodType:
        receiver = receiver.__func__
    if type(receiver) is not types.FunctionType:
        # A class runs its __init__, an instance its __call__.
        is_class = issubclass(type(receiver), type)
        receiver = getattr(receiver if is_class else type(receiver), "__init__" if is_class else "__call__", None)
    return receiver.__code__ if type(receiver) is types.FunctionType else None


def describe_code(name: str, code: types.CodeType) -> str:
    """A name with the file and line of its code, in the form editors make a link of."""
    return f"{name} ({code.co_filename}:{code.co_firstlineno})"


def describe(receiver: Callable[..., Untyped]) -> str:
    """A receiver's qualified name with its file and line, or its repr if it has neither. Raises nothing."""
    try:
        inner = innermost(receiver)
        name = getattr(inner, "__qualname__", None) or safe_repr(inner)
        code = code_of(inner)
        return describe_code(name, code) if code is not None else str(name)
    except Exception:  # noqa: BLE001 - a receiver may answer anything when it is asked for its name
        return f"<{type(receiver).__name__} without a name>"


def blame(error: Exception, receiver: Callable[..., Untyped] | None, signal: object) -> Exception:
    """Note on an error which receiver raised it, and return the error. One that takes no note goes without.

    The note is what ``BaseException.add_note`` makes, written by hand because Python 3.10 lacks it. An error
    object that is raised again and again gets each note once.
    """
    if receiver is None:
        return error
    note = f"raised by receiver {describe(receiver)} of signal {safe_repr(signal)}"
    try:
        notes = getattr(error, "__notes__", None)
        if notes is None:
            notes = error.__notes__ = []  # type: ignore[attr-defined]
        if note not in notes:
            notes.append(note)
    except Exception:  # noqa: BLE001 - the error's class may refuse it in any way; what is raised is its own error
        return error
    return error


def safe_repr(value: object) -> str:
    """The repr of anything. A broken one must not hide the error that is being reported."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - see above
        return f"<{type(value).__name__} whose repr fails>"
