"""A subscriber's document: one packed field, read and written whole, so that its size is known exactly.

Every change of the document is one conditional update. ``leases`` has the rules that change the state, ``records`` its parts.
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

__all__ = ["MAX_LOGS", "MAX_STATE_BYTES", "State", "unknown_subscriber"]

#: above this size, due entries are merged when written; new events stop before that (see `Bounds.state_bytes`)
MAX_STATE_BYTES = 900_000
#: the most logs that a subscriber may follow
MAX_LOGS = 1_000
#: dropped events that are remembered individually, for explanations
MAX_DROPPED = 100


class _Stored(msgspec.Struct, array_like=True):
    """The stored format; new fields are only ever added at the end, with a default."""

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
    #: how far the registry of topics was read; moves only while the subscriber has patterns
    registry: Position = msgspec.field(default_factory=Position)
    dropped: list[tuple[int, int, int]] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


class State:
    """A subscriber's state, decoded to be changed."""

    def __init__(self, name: str, stored: _Stored, size: int, owner: Value = None, created: int = 0) -> None:
        self.name = name
        #: create time of the document, µs: requests that were made before it are of an earlier life of the name
        self.created = created
        #: the identity that owns the subscriber; None without one
        self.owner = owner
        #: the most logs that the state may follow
        self.max_logs = MAX_LOGS
        #: token of the last change to the subscriptions
        self.changed = stored.changed
        self.next_number = stored.next_number
        self.subscriptions = stored.subscriptions
        self.leases = stored.leases
        self.due = stored.due
        self.ended = Ended(stored.ended, stored.floor)
        #: per topic: count of events that retention deleted before they were delivered or settled
        self.lost = stored.lost
        #: events that failed for the last time and whose dead letters are not yet known to be published
        self.dead = stored.dead
        #: count of events that have died so far
        self.deaths = stored.deaths
        self.registry = stored.registry
        #: the newest events dropped from dead-letter topics, as (subscription number, partition, log index)
        self.dropped = stored.dropped
        #: bytes of the packed state as it was read
        self.size = size

    @classmethod
    def new(cls, name: str) -> State:
        """Return the state of a newly registered subscriber."""
        return cls(name, _Stored(), 0)

    @classmethod
    def read(cls, doc: Doc) -> State:
        """Decode a document. Raises Unavailable if its format is newer than this version."""
        check_format(doc)
        packed: Any = doc.data["state"]
        return cls(
            doc.path.rpartition("/")[2], _decoder.decode(packed), len(packed), doc.data.get("owner"), doc.created
        )

    def fields(self) -> Fields:
        """Return the fields of the document to write."""
        return {"format": FORMAT, "state": self._packed()}

    def new_number(self) -> int:
        """Allot the number of a new subscription; leases and due events of earlier numbers do not apply to it."""
        self.next_number += 1
        return self.next_number - 1

    def topic_of(self) -> dict[int, str]:
        """Map the numbers of subscriptions to their topics."""
        return {subscription.number: topic for topic, subscription in self.subscriptions.items()}

    def settings_of(self, subscription: Subscription) -> Subscription:
        """Return the subscription whose settings apply: for a topic followed through a pattern, the pattern's."""
        return self.subscriptions[subscription.via] if subscription.via else subscription

    @property
    def peeks(self) -> bool:
        """Whether this is the state of a peek: it belongs to no subscriber, and is never stored."""
        return not self.name

    def unsettled(self, now: int) -> int:
        """Count the events that are leased, due, or waiting for redelivery; without delayed events that still wait."""
        leased = sum(lease.left.bit_count() for lease in self.leases.values())
        return leased + sum(due.left.bit_count() for due in self.due if not due.waits(now))

    def drop_empty(self) -> None:
        """Remove the due entries that have no events left."""
        self.due = [due for due in self.due if due.left]

    def count_lost(self, topic: str, events: int) -> None:
        """Count events of a topic as lost to retention."""
        if events:
            self.lost[topic] = self.lost.get(topic, 0) + events

    def count_dropped(self, dead: Dead) -> None:
        """Count and remember an event that failed for the last time in a dead-letter topic, and so gets no dead letter."""
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
    """Merge due entries into few: the last resort for a document that many small settlements have made too large.

    The events of a merged entry come at its latest time, so never early. A late ack no longer finds them.
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
                max(entry.at for entry in group),
                attempt,
                failed_as_group=failed_as_group,
                delayed=delayed,
                rejected=rejected,
            )
            due.add(sorted(piece for entry in group for piece in pieces(entry.spans, entry.left)))
            merged.append(due)
    return merged


def unknown_subscriber(name: str) -> NotFound:
    """Return the NotFound for a name that was never registered as a subscriber."""
    return NotFound("unknown_subscriber", f"No subscriber is registered under the name {name!r}; register it first.")
