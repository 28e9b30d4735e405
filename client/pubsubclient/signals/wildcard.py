"""The two wildcards: ``Any`` (every sender, or every signal) and ``Anonymous`` (the send named no sender).

They have their own module because the network client uses the same ``Any``.
"""

from __future__ import annotations

from typing import Final, final

__all__ = ["Anonymous", "AnonymousType", "Any", "AnyType", "Wildcard"]


class Wildcard:
    """A singleton, which copies and pickles preserve. It is compared by identity."""

    __slots__ = ("__weakref__",)

    #: The module attribute that holds the only instance.
    _name = ""

    def __repr__(self) -> str:
        # PyDispatcher's repr is the class name, and programs assert on it.
        return f"_{self._name}"

    def __reduce__(self) -> str:
        # With a plain string copy, deepcopy and pickle look up the global of that name, and make no second instance.
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


#: In `connect`: every signal, or every sender.
Any: Final = AnyType()

#: The sender of a send that names no sender. A receiver connected to it gets only such sends.
Anonymous: Final = AnonymousType()
