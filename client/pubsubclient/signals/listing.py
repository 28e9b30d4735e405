"""Who is connected, in the form PyDispatcher gives it: references that `liveReceivers` turns into receivers."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Iterator

from pubsubclient.signals._engine.link import Link, Receiver
from pubsubclient.signals._engine.saferef import BoundMethodWeakref, SafeRef, safeRef
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals.wildcard import Any

__all__ = ["getAllReceivers", "getReceivers", "liveReceivers"]


def getReceivers(sender: object = Any, signal: Hashable = Any) -> list[SafeRef | Receiver]:  # noqa: N802
    """The receivers connected to exactly this sender and signal: weak references, or the receivers if not weak.

    Mind the order of the arguments, which is not that of `send`; it is PyDispatcher's.
    """
    return _references(REGISTRY.matching(signal, sender, exact=True))


def getAllReceivers(sender: object = Any, signal: Hashable = Any) -> Iterator[SafeRef | Receiver]:  # noqa: N802
    """The receivers that a send of this signal by this sender would reach, in the order of the calls, each once.

    What is connected or disconnected during the iteration does not change it.
    """
    return iter(_references(REGISTRY.matching(signal, sender)))


def liveReceivers(receivers: Iterable[SafeRef | Receiver]) -> Iterator[Receiver]:  # noqa: N802
    """The receivers that references refer to, without the dead ones."""
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
        except TypeError:  # a builtin method, which is referenced by its instance
            references.append(receiver)
    return references
