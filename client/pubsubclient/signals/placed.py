"""Copying and pickling of objects known by identity. A second instance would silently have no connections."""

from __future__ import annotations

import sys
from typing import TypeVar

__all__ = ["Unique", "defining_module", "global_name"]

Self = TypeVar("Self")


class Unique:
    """Base class of objects whose copies, shallow and deep, are the object itself."""

    __slots__ = ()

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self


def defining_module() -> str | None:
    """Return the name of the module that is creating an object. Must be called by the object's ``__init__``."""
    frame = sys._getframe(2)  # noqa: SLF001 - as the standard library's `namedtuple` does
    # Signal[[int], None](…) goes through a function of typing.
    while frame.f_globals.get("__name__") == "typing" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals.get("__name__")


def global_name(unique: object, name: str) -> str:
    """Return the name of an object in its module. A pickle stores the name, and loading it looks the name up.

    Args:
        unique: the object; its ``__module__`` names the module
        name: its probable name, dotted if it is an attribute of a class

    Raises:
        TypeError: the object has no name in its module
    """
    module = sys.modules.get(unique.__module__)
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is unique:
        return name
    for other, value in tuple(vars(module).items()) if module is not None else ():
        if value is unique:
            return other
    raise TypeError(
        f"cannot pickle {unique!r}: a pickle can only store its name, and it has no name in the "
        f"module {unique.__module__!r}"
    )
