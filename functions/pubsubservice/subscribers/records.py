"""What a subscriber's document is made of: subscriptions, leases, and what is due again or dead."""

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

#: how events are due: at, attempt, together, delayed, doomed, reason
Kind = tuple[int, int, bool, bool, bool, str]


class Subscription(msgspec.Struct, array_like=True):
    """A topic that a subscriber follows, or a pattern of topics.

    A topic subscribed again after it was left gets a new number. A topic that a pattern brought in has a subscription of
    its own, whose settings are those of the pattern's (see `State.settings_of`).
    """

    number: int
    ack_deadline_s: Annotated[int, Setting("how long a lease lives, seconds", 1, 600, default=30)]
    #: one per partition; none until the topic exists, and for a pattern
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
    #: the filters as canonical JSON (see `filters`); all events when empty
    filters: bytes = b""
    #: the pattern that brought this topic in; empty for one that was subscribed to by name
    via: str = ""
    #: per partition, the log index where the subscription began, or was last sought to
    starts: list[int] = []
    #: of a pattern: the topics up to this number of the registry begin with the first batch of this time (µs) or later, and
    #: with the earliest event when it is 0; topics made since then begin at their start
    upto: int = 0
    begin: int = 0
    #: of a dead-letter topic: events that failed in it for the last time
    dropped: int = 0


#: the settings that subscribers choose, by name
SETTINGS = settings_of(Subscription)


class Lease(msgspec.Struct, array_like=True):
    """Events in the hands of a consumer."""

    #: when it expires, µs
    until: int
    #: which delivery of these events this is, from 1
    attempt: int
    #: what an extension without seconds adds
    ack_deadline_s: int
    count: int
    #: its events as handed out (see `spans.pack`)
    packed: bytes
    #: bits of events that its client settled
    settled_bits: bytes = b""
    #: bits of events that left it otherwise
    back_bits: bytes = b""
    #: its events failed together before: one of them may be the reason, so they come in smaller and smaller leases
    failed_as_group: bool = False

    @property
    def spans(self) -> list[Span]:
        return unpack(self.packed)

    @property
    def left(self) -> int:
        """Bits of the events that are still to be settled."""
        return ((1 << self.count) - 1) & ~(bytes_to_bits(self.settled_bits) | bytes_to_bits(self.back_bits))

    def settle(self, mask: int) -> None:
        """Its client settled these events."""
        self.settled_bits = bits_to_bytes(bytes_to_bits(self.settled_bits) | mask)

    def leave(self, mask: int) -> None:
        """These events, as far as they are still to be settled, leave it other than by its client's will."""
        self.back_bits = bits_to_bytes(bytes_to_bits(self.back_bits) | (self.left & mask))


class Due(msgspec.Struct, array_like=True):
    """Events to be handed out again."""

    #: not before, µs
    at: int
    attempt: int
    #: the expired lease that they come from, whose late ack still counts
    token: str | None = None
    count: int = 0
    packed: bytes = NO_SPANS
    #: bits of events that are not due any more
    gone_bits: bytes = b""
    #: its events failed together
    failed_as_group: bool = False
    #: its events were published with a delay, and have not been handed out yet
    delayed: bool = False
    #: whatever their attempt, its events become dead letters
    rejected: bool = False
    #: why its events failed for the last time; empty until then
    reason: str = ""

    @property
    def spans(self) -> list[Span]:
        return unpack(self.packed)

    @property
    def left(self) -> int:
        """Bits of the events that are still due."""
        return ((1 << self.count) - 1) & ~bytes_to_bits(self.gone_bits)

    def waits(self, now: int) -> bool:
        """Whether its events have never been handed out, and are not to be yet."""
        return self.delayed and self.at > now

    @property
    def kind(self) -> Kind:
        """All but the events: those of an expired lease aside, entries of one kind are one entry."""
        return (self.at, self.attempt, self.failed_as_group, self.delayed, self.rejected, self.reason)

    def add(self, parts: Sequence[Piece]) -> None:
        """These events are due as well."""
        spans, holes = cover(parts)
        self.gone_bits = bits_to_bytes(bytes_to_bits(self.gone_bits) | holes << self.count)
        self.packed = pack(self.spans + spans)
        self.count += sum(span.stop - span.start for span in spans)

    def remove(self, mask: int) -> None:
        """These events are not due any more."""
        self.gone_bits = bits_to_bytes(bytes_to_bits(self.gone_bits) | mask)


class Dead(msgspec.Struct, array_like=True):
    """An event that failed for the last time, on its way into the dead-letter topic."""

    #: which death of this subscriber it is, from 1
    death: int
    #: when it died, µs: its dead letter is looked for from here on
    at: int
    topic: str
    partition: int
    #: number of its batch, its place in it, and its log index
    seq: int
    offset: int
    index: int
    attempts: int
    dead_letter_topic: str
    reason: str

    @property
    def stored_bytes(self) -> int:
        """What it takes in the document, about."""
        return 48 + len(self.topic) + len(self.dead_letter_topic) + 4 * len(self.reason)
