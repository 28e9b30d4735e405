"""Where a receiver comes from: its name, file and line, for errors, warnings and explanations."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any as Untyped

__all__ = ["blame", "code_of", "describe", "describe_code"]


def code_of(receiver: object) -> types.CodeType | None:
    """The code that runs when the receiver is called, or None for what is not written in Python."""
    while isinstance(receiver, functools.partial):
        receiver = receiver.func
    if isinstance(receiver, types.MethodType):
        receiver = receiver.__func__
    if not isinstance(receiver, types.FunctionType):
        # A class runs its __init__, an instance its __call__.
        receiver = getattr(receiver if isinstance(receiver, type) else type(receiver), _entry(receiver), None)
    return receiver.__code__ if isinstance(receiver, types.FunctionType) else None


def _entry(receiver: object) -> str:
    return "__init__" if isinstance(receiver, type) else "__call__"


def describe_code(name: str, code: types.CodeType) -> str:
    """A name with the file and line of its code, in the form editors make a link of."""
    return f"{name} ({code.co_filename}:{code.co_firstlineno})"


def describe(receiver: Callable[..., Untyped]) -> str:
    """A receiver's qualified name with its file and line, or its repr if it has neither."""
    inner: object = receiver
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__qualname__", None) or _safe_repr(inner)
    code = code_of(inner)
    return describe_code(name, code) if code is not None else str(name)


def blame(error: Exception, receiver: Callable[..., Untyped] | None, signal: object) -> Exception:
    """Note on an error which receiver raised it, and return the error.

    The note is what ``BaseException.add_note`` makes, written by hand because Python 3.10 lacks it. An error
    object that is raised again and again gets each note once.
    """
    if receiver is None:
        return error
    note = f"raised by receiver {describe(receiver)} of signal {_safe_repr(signal)}"
    notes = getattr(error, "__notes__", None)
    if not isinstance(notes, list):
        notes = []
        try:
            error.__notes__ = notes  # type: ignore[attr-defined]
        except AttributeError:  # an error class that allows no attributes goes without
            return error
    if note not in notes:
        notes.append(note)
    return error


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a broken repr must not hide the error that is being reported
        return f"<{type(value).__name__} whose repr fails>"
