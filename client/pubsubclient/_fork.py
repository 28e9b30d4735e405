"""What a forked child must not share with its parent."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["reset_in_child"]


class Forkable(Protocol):
    """Something that holds sockets, or a duty that is its process's own."""

    def after_fork(self) -> None:
        """Forget, in the child, what is the parent's. Take no lock: a thread that is gone may hold it."""


_alive: WeakSet[Forkable] = WeakSet()


def reset_in_child(thing: Forkable) -> None:
    """Call ``thing.after_fork()`` in every child that is forked while `thing` lives."""
    _alive.add(thing)


def _in_child() -> None:
    for thing in list(_alive):
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
