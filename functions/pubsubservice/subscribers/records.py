"""The records of a subscriber's document: subscriptions, leases, due events and dead events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from pubsubservice.log.position import Position
from pubsubservice.subscribers.settings import Setting, settings_of
from pubsubservice.subscribers.spans import Piece, Span, bits_to_bytes, bytes_to_bits, cover, pack, unpack

__all__ = ["MAX_BACKOFF_S", "SETTINGS", "Dead", "Due", "Kind", "Lease", "Subscription"]

#: the longest backoff, seconds
MAX_BACKOFF_S = 600.0

NO_SPANS = pack([])

#: the fields of a due entry without its events and token: at, attempt, failed_as_group, delayed, rejected, reason
Kind = tuple[int, int, bool, bool, bool, str]


class Subscription(msgspec.Struct, array_like=True):
    """A topic that a subscriber follows, or a pattern of topics.

    A topic that is unsubscribed and subscribed again gets a new number. A topic that is followed through a pattern has a
    subscription of its own; the settings of the pattern's subscription apply to it (see `State.settings_of`).
    """

    number: int
    ack_deadline_s: Annotated[int, Setting("how long a lease lives, seconds", 1, 600, default=30)]
    #: one per partition; empty for a pattern, and until the topic exists
    positions: list[Position] = []
    max_attempts: Annotated[int, Setting("deliveries of an event before it becomes a dead letter", 1, 100)] = 5
    backoff_s: Annotated[
        float,
        Setting("how long an event stays away after its first failure; it doubles with each, up to 600 s", 0, 600),
    ] = 10.0
    #: `{subscriber}.dead` when empty
    dead_letter_topic: Annotated[
        str,
        Setting(
            "where dead letters go; by default `{subscriber}.dead`. It must differ from the topic subscribed to. "
            "If it exists, it must be a dead-letter topic (else 409 `ordinary_topic`) of the subscriber's owner "
            "(else 403 `not_owner`)"
        ),
    ] = ""
    ordered: Annotated[bool, Setting("nothing newer of a topic is handed out while something older is unsettled")] = (
        False
    )
    #: the filters as canonical JSON (see `filters`); empty for all events
    filters: bytes = b""
    #: the pattern through which this topic is followed; empty if it was subscribed to by name
    via: str = ""
    #: per partition, the log index of the start or of the last seek
    starts: list[int] = []
    #: of a pattern: topics behind this number of the registry are newer than the subscription, and are read from the start
    upto: int = 0
    #: of a pattern: topics up to `upto` are read from the first batch created at this time (µs) or later; 0: from the earliest
    begin: int = 0
    #: of a dead-letter topic: count of its events that failed for the last time and were dropped
    dropped: int = 0


#: the settings that subscribers choose, by name
SETTINGS = settings_of(Subscription)


class Lease(msgspec.Struct, array_like=True):
    """Events handed out to a consumer, who is to settle them before the lease expires."""

    #: when it expires, µs
    until: int
    #: which delivery of these events this is, from 1
    attempt: int
    #: the length of an extension that names no seconds
    ack_deadline_s: int
    count: int
    #: the spans of its events as handed out (see `spans.pack`)
    packed: bytes
    #: bits of events that its client settled
    settled_bits: bytes = b""
    #: bits of recalled events: removed without a settlement of the client
    recalled_bits: bytes = b""
    #: its events failed as a group before: any one may be the cause, so they are redelivered in ever smaller leases
    failed_as_group: bool = False

    @property
    def spans(self) -> list[Span]:
        return unpack(self.packed)

    @property
    def left(self) -> int:
        """Bits of the unsettled events."""
        return ((1 << self.count) - 1) & ~(bytes_to_bits(self.settled_bits) | bytes_to_bits(self.recalled_bits))

    def settle(self, mask: int) -> None:
        """Mark these events as settled by the client."""
        self.settled_bits = bits_to_bytes(bytes_to_bits(self.settled_bits) | mask)

    def recall(self, mask: int) -> None:
        """Remove unsettled events that the client did not settle (trimmed, recalled or unsubscribed)."""
        self.recalled_bits = bits_to_bytes(bytes_to_bits(self.recalled_bits) | (self.left & mask))


class Due(msgspec.Struct, array_like=True):
    """Events to be handed out, again or after a delay."""

    #: when they become due, µs
    at: int
    attempt: int
    #: the token of the expired lease that held them; a late ack by it still counts
    token: str | None = None
    count: int = 0
    packed: bytes = NO_SPANS
    #: bits of removed events
    gone_bits: bytes = b""
    #: its events failed as a group (see `Lease.failed_as_group`)
    failed_as_group: bool = False
    #: its events were published with a delay and never handed out
    delayed: bool = False
    #: its events become dead letters, whatever their attempt
    rejected: bool = False
    #: the reason of the nack that made them due; empty without one
    reason: str = ""

    @property
    def spans(self) -> list[Span]:
        return unpack(self.packed)

    @property
    def left(self) -> int:
        """Bits of the events that are still due."""
        return ((1 << self.count) - 1) & ~bytes_to_bits(self.gone_bits)

    def waits(self, now: int) -> bool:
        """Whether its events were published with a delay that has not ended at `now`, µs."""
        return self.delayed and self.at > now

    @property
    def kind(self) -> Kind:
        """The key by which entries are shared; an entry of an expired lease is never shared."""
        return (self.at, self.attempt, self.failed_as_group, self.delayed, self.rejected, self.reason)

    def add(self, parts: Sequence[Piece]) -> None:
        """Add events to the entry."""
        spans, holes = cover(parts)
        self.gone_bits = bits_to_bytes(bytes_to_bits(self.gone_bits) | holes << self.count)
        self.packed = pack(self.spans + spans)
        self.count += sum(span.stop - span.start for span in spans)

    def remove(self, mask: int) -> None:
        """Remove events from the entry."""
        self.gone_bits = bits_to_bytes(bytes_to_bits(self.gone_bits) | mask)


class Dead(msgspec.Struct, array_like=True):
    """An event that failed for the last time and waits to be published as a dead letter."""

    #: serial number among the dead events of this subscriber, from 1
    death: int
    #: when it died, µs: the search for an already published dead letter starts here
    at: int
    topic: str
    partition: int
    #: the number of its batch, its offset in the batch, and its log index
    seq: int
    offset: int
    index: int
    attempts: int
    dead_letter_topic: str
    reason: str
    #: create time of the subscriber's document, µs: deaths are counted from 1 again in each life of a name. 0 in records
    #: that an older version made, whose dead letters have ids without it
    life: int = 0

    @property
    def stored_bytes(self) -> int:
        """Approximate bytes of the record in the document."""
        return 57 + len(self.topic) + len(self.dead_letter_topic) + 4 * len(self.reason)
