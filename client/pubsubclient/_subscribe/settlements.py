"""Splits settlements into requests of a limited size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MAX_SETTLEMENTS", "split"]

#: the most settlements and named events, added up, in one request; the service accepts as many settlements, and more events
MAX_SETTLEMENTS = 10_000
#: the order in which the service carries out the settlements of one request. For an event that several settlements name, the
#: first counts, so the order must be the same across requests
_VERBS = ("ack", "nack", "release", "extend")


def split(settlements: Mapping[str, Sequence[Any]]) -> list[dict[str, list[Any]]]:
    """Split settlements into as few requests as possible, at least one."""
    parts: list[dict[str, list[Any]]] = [{}]
    size = 0
    for verb in _VERBS:
        for settlement in settlements.get(verb, ()):
            # at most the 5,000 events of one lease, so a single settlement always fits
            added = 1 + len(settlement.get("events", ()))
            if size and size + added > MAX_SETTLEMENTS:
                parts.append({})
                size = 0
            size += added
            parts[-1].setdefault(verb, []).append(settlement)
    return parts
