"""The two wildcards: ``Any`` ("whichever sender or signal") and ``Anonymous`` ("no sender was named").

They live in a module of their own because the dispatcher and the network client both mean the same ``Any``.
"""

from __future__ import annotations

from typing import Final, final

__all__ = ["Anonymous", "AnonymousType", "Any", "AnyType", "Wildcard"]


class Wildcard:
    """An object that is compared by identity, also after a copy or a pickle."""

    __slots__ = ("__weakref__",)

    #: The module attribute that holds the only instance.
    _name = ""

    def __repr__(self) -> str:
        # PyDispatcher prints the class, and programs assert on it.
        return f"_{self._name}"

    def __reduce__(self) -> str:
        # A plain string makes copy, deepcopy and pickle look the global up instead of making a second instance.
        return self._name


@final
class AnyType(Wildcard):
    """The type of `Any`."""

    __slots__ = ()
    _name = "Any"


@final
class AnonymousType(Wildcard):
    """The type of `Anonymous`."""

    __slots__ = ()
    _name = "Anonymous"


#: Connect with it to hear any signal, or any sender.
Any: Final = AnyType()

#: The sender of a send that names none. A receiver connected to it hears only such sends.
Anonymous: Final = AnonymousType()
