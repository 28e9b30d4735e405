"""Settlements on their way to the service: more than a request is to have travel in several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MAX_SETTLEMENTS", "split"]

#: settlements and events named in them, in one request; the service takes as many settlements, and more events
MAX_SETTLEMENTS = 10_000
#: as the service carries out those of one request: in this order the first that names an event wins in several too
_VERBS = ("ack", "nack", "release", "extend")


def split(settlements: Mapping[str, Sequence[Any]]) -> list[dict[str, list[Any]]]:
    """The same settlements, by verb, in as few requests as it takes; at least one."""
    parts: list[dict[str, list[Any]]] = [{}]
    size = 0
    for verb in _VERBS:
        for settlement in settlements.get(verb, ()):
            # never more than were handed out under one lease: 5,000
            added = 1 + len(settlement.get("events", ()))
            if size and size + added > MAX_SETTLEMENTS:
                parts.append({})
                size = 0
            size += added
            parts[-1].setdefault(verb, []).append(settlement)
    return parts
