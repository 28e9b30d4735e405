"""Names receivers with file and line, for errors, warnings and explanations."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any as Untyped

__all__ = ["blame", "code_of", "describe", "describe_code", "innermost", "safe_repr"]


def innermost(receiver: object) -> object:
    """Return the callable inside a partial, or nested partials; return any other object unchanged.

    This package looks at the `type` of receivers and avoids `isinstance`, which believes a mock that claims to be a
    function.
    """
    while issubclass(type(receiver), functools.partial):
        receiver = receiver.func  # type: ignore[attr-defined]
    return receiver


def code_of(receiver: object) -> types.CodeType | None:
    """Return the code that runs when the receiver is called, or None if it is not written in Python."""
    receiver = innermost(receiver)
    if type(receiver) is types.MethodType:
        receiver = receiver.__func__
    if type(receiver) is not types.FunctionType:
        # Calling a class runs its __init__; calling an instance runs its __call__.
        is_class = issubclass(type(receiver), type)
        receiver = getattr(receiver if is_class else type(receiver), "__init__" if is_class else "__call__", None)
    return receiver.__code__ if type(receiver) is types.FunctionType else None


def describe_code(name: str, code: types.CodeType) -> str:
    """Return a name with the file and line of its code, in the form that editors turn into a link."""
    return f"{name} ({code.co_filename}:{code.co_firstlineno})"


def describe(receiver: Callable[..., Untyped]) -> str:
    """Return a receiver's qualified name with file and line, or its repr if it has none. Never raises."""
    try:
        inner = innermost(receiver)
        name = getattr(inner, "__qualname__", None) or safe_repr(inner)
        code = code_of(inner)
        return describe_code(name, code) if code is not None else str(name)
    except Exception:  # noqa: BLE001 - a receiver's attributes may run any code
        return f"<{type(receiver).__name__} without a name>"


def blame(error: Exception, receiver: Callable[..., Untyped] | None, signal: object) -> Exception:
    """Add a note to an error that names the receiver that raised it, and return the error.

    The note is what ``BaseException.add_note`` would add, which Python 3.10 lacks. An error object that is raised
    repeatedly gets each note once. An error whose class refuses notes is returned without one.
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
    except Exception:  # noqa: BLE001 - the error's class may refuse in any way; the original error must still be raised
        return error
    return error


def safe_repr(value: object) -> str:
    """Return the repr of a value, or a stand-in if the repr raises, which would hide the error being reported."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a repr may run any code
        return f"<{type(value).__name__} whose repr fails>"
