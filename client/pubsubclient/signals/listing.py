"""Lists connected receivers as PyDispatcher does: as references, which `liveReceivers` resolves."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Iterator

from pubsubclient.signals._engine.link import Link
from pubsubclient.signals._engine.saferef import BoundMethodWeakref, SafeRef, safeRef
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals._engine.signature import Receiver
from pubsubclient.signals.wildcard import Any

__all__ = ["getAllReceivers", "getReceivers", "liveReceivers"]


def getReceivers(sender: object = Any, signal: Hashable = Any) -> list[SafeRef | Receiver]:  # noqa: N802
    """Return the receivers connected to exactly this sender and signal; weakly connected ones as weak references.

    The order of the arguments is PyDispatcher's: sender first, unlike in `send`.
    """
    return _references(REGISTRY.matching(signal, sender, exact=True))


def getAllReceivers(sender: object = Any, signal: Hashable = Any) -> Iterator[SafeRef | Receiver]:  # noqa: N802
    """Return the receivers that a send of this signal by this sender would call, in the order of the calls, each once.

    Connecting or disconnecting during the iteration does not change it.
    """
    return iter(_references(REGISTRY.matching(signal, sender)))


def liveReceivers(receivers: Iterable[SafeRef | Receiver]) -> Iterator[Receiver]:  # noqa: N802
    """Resolve references to receivers, and skip the dead ones."""
    for each in receivers:
        receiver = each() if isinstance(each, (weakref.ReferenceType, BoundMethodWeakref)) else each
        if receiver is not None:
            yield receiver


def _references(links: Iterable[Link]) -> list[SafeRef | Receiver]:
    references: list[SafeRef | Receiver] = []
    for link in links:
        receiver = link.resolve()
        if receiver is None:
            continue
        try:
            references.append(safeRef(receiver) if link.weak else receiver)
        except TypeError:  # a builtin method, whose link refers to its instance
            references.append(receiver)
    return references
