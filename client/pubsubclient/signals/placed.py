"""Copy and pickle what is known by identity: a twin would be connected to nothing, in silence."""

from __future__ import annotations

import sys
from typing import TypeVar

__all__ = ["Unique", "defining_module", "global_name"]

Self = TypeVar("Self")


class Unique:
    """An object whose copies, shallow and deep, are the object itself."""

    __slots__ = ()

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self


def defining_module() -> str | None:
    """The name of the module that is making an object of ours now, seen from the object's ``__init__``."""
    frame = sys._getframe(2)  # noqa: SLF001 - as the standard library's `namedtuple` does
    # Signal[[int], None](…) is a call of typing's.
    while frame.f_globals.get("__name__") == "typing" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals.get("__name__")


def global_name(unique: object, name: str) -> str:
    """The name that an object has in its module, for a pickle: where that is loaded, the name is looked up.

    Args:
        unique: The object; its ``__module__`` is where to look.
        name: Its presumable name, dotted if it is in a class.

    Raises:
        TypeError: If it has no name there.
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
    message = (
        f"cannot pickle {unique!r}: it is known by identity, so a pickle can only name it, and it has no name in the "
        f"module {unique.__module__!r}"
    )
    raise TypeError(message)
