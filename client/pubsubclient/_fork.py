"""Resets objects in forked children that must not share state with the parent process."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["reset_in_child"]


class Forkable(Protocol):
    """An object with sockets, locks or duties that belong to one process."""

    def after_fork(self) -> None:
        """Drop, in the child, the state that belongs to the parent. Take no lock: a thread of the parent may hold it."""


_alive: WeakSet[Forkable] = WeakSet()


def reset_in_child(forkable: Forkable) -> None:
    """Call ``forkable.after_fork()`` in every child that is forked while `forkable` lives."""
    _alive.add(forkable)


def _in_child() -> None:
    for forkable in list(_alive):
        forkable.after_fork()


if hasattr(os, "register_at_fork"):  # missing on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)
