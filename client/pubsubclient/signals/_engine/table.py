"""The connections of one sender."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from pubsubclient.signals._engine.route import Route

if TYPE_CHECKING:
    from pubsubclient.signals._engine.link import Link
    from pubsubclient.signals._engine.registry import Registry

__all__ = ["Table"]


class Table:
    """The connections of one sender.

    A sender is referred to weakly. One that cannot be (an ``object()``, a dict, a string) is kept alive by its
    connections: otherwise its id could be reused, and a stranger's signals would be delivered in its name.
    """

    __slots__ = ("cells", "is_weak", "registry", "routes", "sender", "sender_id")

    def __init__(self, registry: Registry, sender: object) -> None:
        self.registry = registry
        self.sender_id = id(sender)
        #: {signal: {key of receiver: link}}
        self.cells: dict[Hashable, dict[Hashable, Link]] = {}
        #: {signal: route}, a cache. A key `(EXACT, signal)` is for sends to exactly this sender and signal.
        self.routes: dict[Hashable, Route] = {}
        self.sender: Callable[[], object]
        try:
            # The callback holds no table, so there is no cycle: a table that is dropped takes its reference along.
            self.sender = weakref.ref(sender, functools.partial(registry.sender_died, self.sender_id))
            self.is_weak = True
        except TypeError:
            self.is_weak = False
            self.sender = functools.partial(_identity, sender)


def _identity(value: object) -> object:
    return value
