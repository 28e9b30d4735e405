"""Settlements: what a client says of its leases in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

__all__ = ["Settlement", "Settlements"]


class Settlement(msgspec.Struct, frozen=True):
    """One ack, nack, release or extend, of a whole lease or of some of its events."""

    lease: str
    #: (topic, sequence) of the events; None means all events of the lease
    events: list[tuple[str, str]] | None = None
    #: seconds until redelivery; None means the subscription's backoff for a nack, and at once for a release
    delay_s: float | None = None
    #: nack: why the events failed; stored in the dead letter
    reason: str = ""
    #: nack: dead-letter the events now, without further attempts
    dead: bool = False
    #: extend: seconds from now until the lease expires; None means the subscription's ack deadline
    seconds: int | None = None


class Settlements(msgspec.Struct, frozen=True):
    """The settlements of one call, carried out in the order of the fields; the first one that names an event wins."""

    ack: Sequence[Settlement] = ()
    nack: Sequence[Settlement] = ()
    release: Sequence[Settlement] = ()
    extend: Sequence[Settlement] = ()

    def each(self) -> Iterable[tuple[str, Settlement]]:
        """Yield (verb, settlement) in the order in which they are carried out."""
        for verb in ("ack", "nack", "release", "extend"):
            for settlement in getattr(self, verb):
                yield verb, settlement

    def merged(self) -> Iterable[tuple[str, Settlement]]:
        """Return `each` with equal settlements merged: thousands of single-event acks then cost as much as one ack of all."""
        wholes: Counter[str] = Counter()
        named: dict[object, list[tuple[str, str]]] = {}
        found: list[tuple[str, Settlement]] = []
        for verb, item in self.each():
            if item.events is None:
                wholes[item.lease] += 1  # a barrier for merging: the first settlement that names an event wins
                found.append((verb, item))
                continue
            kind = (verb, item.lease, wholes[item.lease], item.delay_s, item.reason, item.dead, item.seconds)
            if kind not in named:
                named[kind] = []
                found.append((verb, msgspec.structs.replace(item, events=named[kind])))
            named[kind] += item.events
        return found
