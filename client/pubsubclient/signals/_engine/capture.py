"""Watch or silence the sends of a signal, for tests and for the while of a block."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Captured", "Tap"]


@dataclass(frozen=True)
class Captured:
    """One send that was captured."""

    #: Who sent.
    sender: object
    #: The arguments given by position.
    arguments: tuple[object, ...]
    #: The arguments given by name.
    named: dict[str, object]


@dataclass(frozen=True, eq=False)
class Tap:
    """What one block wants of a signal's sends."""

    #: The signal, compared by identity.
    signal: object
    #: Where sends are put, or None to silence them.
    sink: list[Captured] | None
