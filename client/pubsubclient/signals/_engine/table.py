"""The links of one sender, and the cache of its routes."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Protocol

from pubsubclient.signals._engine.route import Route

if TYPE_CHECKING:
    from pubsubclient.signals._engine.link import Link

__all__ = ["Owner", "Table"]


class Owner(Protocol):
    """The registry, as its tables and links see it."""

    #: Counts the look-ups of routes.
    lookups: int

    def remove(self, link: Link) -> bool:
        """Remove a link. Return whether this call ended it."""

    def receiver_died(self, link: Link) -> None:
        """Remove the link of a receiver that has died."""

    def sender_died(self, sender_id: int, reference: object = None, /) -> None:
        """Remove the table of a sender that has died."""


class Table:
    """The links of one sender.

    The table refers to its sender weakly. A sender that cannot be referenced weakly (an ``object()``, a dict, a string)
    is kept alive by its table: otherwise its id could be reused, and another object's sends would reach its receivers.
    """

    __slots__ = ("cells", "is_weak", "registry", "routes", "sender", "sender_id")

    def __init__(self, registry: Owner, sender: object) -> None:
        self.registry = registry
        self.sender_id = id(sender)
        #: {signal: {key of receiver: link}}
        self.cells: dict[Hashable, dict[Hashable, Link]] = {}
        #: {signal: route}, a cache. The key `(EXACT, signal)` has the route of `send_exact`.
        self.routes: dict[Hashable, Route] = {}
        self.sender: Callable[[], object]
        try:
            # The callback refers to no table, so there is no reference cycle: a dropped table frees its weak reference.
            self.sender = weakref.ref(sender, functools.partial(registry.sender_died, self.sender_id))
            self.is_weak = True
        except TypeError:
            self.is_weak = False
            self.sender = functools.partial(_identity, sender)


def _identity(value: object) -> object:
    return value
