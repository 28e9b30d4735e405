"""A dispatcher that is obviously right: one list, no caches, arguments chosen by `inspect`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any as Untyped

from pubsubclient.dispatcher import Any

__all__ = ["Entry", "Naive", "accepted"]


@dataclass
class Entry:
    """A connection. Receivers and senders are numbers here, so that the model keeps nothing alive."""

    receiver: int
    signal: object
    sender: int | None
    priority: int = 0
    once: bool = False


@dataclass
class Naive:
    """What is connected, in the order of connecting."""

    entries: list[Entry] = field(default_factory=list)

    def connect(self, entry: Entry) -> None:
        self.disconnect(entry.receiver, entry.signal, entry.sender)
        self.entries.append(entry)

    def disconnect(self, receiver: int, signal: object, sender: int | None) -> bool:
        kept = [e for e in self.entries if (e.receiver, e.signal, e.sender) != (receiver, signal, sender)]
        found = len(kept) != len(self.entries)
        self.entries = kept
        return found

    def receiver_died(self, receiver: int) -> None:
        self.entries = [e for e in self.entries if e.receiver != receiver]

    def sender_died(self, sender: int) -> None:
        self.entries = [e for e in self.entries if e.sender != sender]

    def reached(self, signal: object, sender: int | None) -> list[Entry]:
        """Who gets a signal, in order."""
        found: dict[int, Entry] = {}
        for whom in (sender, None):
            for what in (signal, Any):
                for e in self.entries:
                    if e.signal == what and e.sender == whom:
                        found.setdefault(e.receiver, e)
        return sorted(found.values(), key=lambda e: -e.priority)


def accepted(receiver: Callable[..., Untyped], named: dict[str, object]) -> dict[str, object]:
    """The named arguments that a receiver takes."""
    parameters = inspect.signature(receiver).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return named
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return {name: value for name, value in named.items() if name in names}
