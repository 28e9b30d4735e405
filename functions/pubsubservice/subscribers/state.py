"""A subscriber's document: one packed field, read and written whole, so that its size is known exactly.

It is changed by one conditional update at a time. The rules that change it are in ``leases``; what it is made of is in
``subscriber``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pubsubservice.core.problems import NotFound
from pubsubservice.log.position import Position
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.port import Doc, Fields, Value
from pubsubservice.subscribers.records import Dead, Due, Lease, Subscription
from pubsubservice.subscribers.spans import pieces
from pubsubservice.subscribers.tokens import Ended

__all__ = ["MAX_STATE_BYTES", "State", "unknown_subscriber"]

#: a larger document is made smaller where it can be; new events have stopped before (see `bounds`)
MAX_STATE_BYTES = 900_000
#: dropped events that are remembered one by one
MAX_DROPPED = 100


class _Stored(msgspec.Struct, array_like=True):
    """The state as it is written; fields are only ever added at the end, with a default."""

    changed: str = ""
    next_number: int = 1
    subscriptions: dict[str, Subscription] = {}
    leases: dict[str, Lease] = {}
    due: list[Due] = []
    ended: bytes = b""
    floor: int = 0
    lost: dict[str, int] = {}
    dead: list[Dead] = []
    deaths: int = 0
    #: how far the registry of topics was read, for patterns
    registry: Position = msgspec.field(default_factory=Position)
    dropped: list[tuple[int, int, int]] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


class State:
    """A subscriber's state, decoded to be changed."""

    def __init__(self, name: str, stored: _Stored, size: int, owner: Value = None) -> None:
        self.name = name
        #: whose the subscriber is
        self.owner = owner
        #: token of the last change of subscriptions
        self.changed = stored.changed
        self.next_number = stored.next_number
        self.subscriptions = stored.subscriptions
        self.leases = stored.leases
        self.due = stored.due
        self.ended = Ended(stored.ended, stored.floor)
        #: events lost to retention before they were delivered, per topic
        self.lost = stored.lost
        #: events that failed for the last time and are not known to be in their dead-letter topic
        self.dead = stored.dead
        #: how many events have died so far
        self.deaths = stored.deaths
        #: how far the registry of topics was read; only moves while there is a pattern
        self.registry = stored.registry
        #: the newest events that failed for the last time in a dead-letter topic: subscription number, partition, log index
        self.dropped = stored.dropped
        #: bytes of the document as it was read
        self.size = size

    @classmethod
    def new(cls, name: str) -> State:
        """The state of a subscriber just registered."""
        return cls(name, _Stored(), 0)

    @classmethod
    def read(cls, doc: Doc) -> State:
        """Decode a document; raises Unavailable for a newer format."""
        check_format(doc)
        packed: Any = doc.data["state"]
        return cls(doc.path.rpartition("/")[2], _decoder.decode(packed), len(packed), doc.data.get("owner"))

    def fields(self) -> Fields:
        """The document to write."""
        return {"format": FORMAT, "state": self._packed()}

    def new_number(self) -> int:
        """A number for a subscription that begins: what is known under another one does not concern it."""
        self.next_number += 1
        return self.next_number - 1

    def topic_of(self) -> dict[int, str]:
        """The topics by the number of their subscription."""
        return {subscription.number: topic for topic, subscription in self.subscriptions.items()}

    def settings_of(self, subscription: Subscription) -> Subscription:
        """The subscription whose settings count: the pattern's for a topic that a pattern brought in."""
        return self.subscriptions[subscription.via] if subscription.via else subscription

    def unsettled(self, now: int) -> int:
        """Events that are leased or due at `now`, or have failed and wait for their next time."""
        leased = sum(lease.left.bit_count() for lease in self.leases.values())
        return leased + sum(due.left.bit_count() for due in self.due if not due.waits(now))

    def drop_empty(self) -> None:
        """Remove due entries of which nothing is left."""
        self.due = [due for due in self.due if due.left]

    def count_lost(self, topic: str, events: int) -> None:
        """Events of a topic were lost to retention."""
        if events:
            self.lost[topic] = self.lost.get(topic, 0) + events

    def count_dropped(self, dead: Dead) -> None:
        """An event failed for the last time in a dead-letter topic: there is nowhere to put it."""
        subscription = self.subscriptions[dead.topic]
        subscription.dropped += 1
        self.dropped = [*self.dropped, (subscription.number, dead.partition, dead.index)][-MAX_DROPPED:]

    def _packed(self) -> bytes:
        packed = self._encode()
        if len(packed) > MAX_STATE_BYTES:
            self.due = _merged(self.due)
            packed = self._encode()
        return packed

    def _encode(self) -> bytes:
        return _encoder.encode(
            _Stored(
                self.changed, self.next_number, self.subscriptions, self.leases, self.due,
                self.ended.packed, self.ended.floor, self.lost, self.dead, self.deaths, self.registry,
                self.dropped,
            )
        )  # fmt: skip


def _merged(entries: list[Due]) -> list[Due]:
    """The same events in few entries: the last resort of a document that single settlements have made too large.

    Merged events come at the latest time of their entry (never early), and a late ack no longer finds them.
    """
    merged: list[Due] = []
    kinds: dict[tuple[int, bool, bool, bool], list[Due]] = {}
    for due in entries:
        kinds.setdefault((due.attempt, due.failed_as_group, due.delayed, due.rejected), []).append(due)
    for (attempt, failed_as_group, delayed, rejected), alike in kinds.items():
        alike.sort(key=lambda due: due.at)
        step = -(-len(alike) // 16)
        for low in range(0, len(alike), step):
            group = alike[low : low + step]
            due = Due(
                max(one.at for one in group),
                attempt,
                failed_as_group=failed_as_group,
                delayed=delayed,
                rejected=rejected,
            )
            due.add(sorted(piece for one in group for piece in pieces(one.spans, one.left)))
            merged.append(due)
    return merged


def unknown_subscriber(name: str) -> NotFound:
    """What is answered for a name that was never registered."""
    return NotFound("unknown_subscriber", f"No subscriber is registered under the name {name!r}; register it first.")
