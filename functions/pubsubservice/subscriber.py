"""A subscriber's document: what it subscribes to, how far it is, and what of it is leased or due.

One document, changed by one conditional update at a time. The rules that change it are in ``leases``; here is what it holds
and how it is written. The state is one packed field: it is read and written whole, and its size is known exactly.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pubsubservice.batch import check_format
from pubsubservice.names import FORMAT
from pubsubservice.problems import NotFound
from pubsubservice.spans import Span, bits_to_bytes, bytes_to_bits, pack, select, unpack
from pubsubservice.store import Doc, Fields
from pubsubservice.tokens import Ended

__all__ = ["Due", "Lease", "Position", "State", "Subscription", "unknown_subscriber"]

#: new events stop when document bytes + 16 × unsettled events pass this
MAX_STATE_BYTES = 900_000
#: with this many open leases nothing is handed out
MAX_LEASES = 1_000


class Position(msgspec.Struct, array_like=True):
    """How far a subscriber is in one log."""

    #: the batch that holds the next event
    seq: int = 1
    #: the next event within it
    offset: int = 0
    #: the next event's log index
    index: int = 0
    #: when the log up to here was known to be there: a create time, µs; 0 when never
    at: int = 0


class Subscription(msgspec.Struct, array_like=True):
    """A topic that a subscriber follows. A topic subscribed again after it was left gets a new number."""

    number: int
    ack_deadline_s: int
    #: one per partition; none until the topic exists
    positions: list[Position] = []


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
    token: str | None
    count: int
    packed: bytes
    #: bits of events that are not due any more
    gone_bits: bytes = b""

    @property
    def spans(self) -> list[Span]:
        return unpack(self.packed)

    @property
    def left(self) -> int:
        """Bits of the events that are still due."""
        return ((1 << self.count) - 1) & ~bytes_to_bits(self.gone_bits)

    def remove(self, mask: int) -> None:
        """These events are not due any more."""
        self.gone_bits = bits_to_bytes(bytes_to_bits(self.gone_bits) | mask)


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


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


class State:
    """A subscriber's state, decoded to be changed."""

    def __init__(self, stored: _Stored, size: int) -> None:
        #: token of the last change of subscriptions
        self.changed = stored.changed
        self.next_number = stored.next_number
        self.subscriptions = stored.subscriptions
        self.leases = stored.leases
        self.due = stored.due
        self.ended = Ended(stored.ended, stored.floor)
        #: events lost to retention before they were delivered, per topic
        self.lost = stored.lost
        #: bytes of the document as it was read
        self.size = size

    @classmethod
    def new(cls) -> State:
        """The state of a subscriber just registered."""
        return cls(_Stored(), 0)

    @classmethod
    def read(cls, doc: Doc) -> State:
        """Decode a document; raises Unavailable for a newer format."""
        check_format(doc)
        packed: Any = doc.data["state"]
        return cls(_decoder.decode(packed), len(packed))

    def fields(self) -> Fields:
        """The document to write."""
        return {"format": FORMAT, "state": self._packed()}

    def differs_from(self, doc: Doc) -> bool:
        """Whether there is anything to write."""
        return self._packed() != doc.data["state"]

    def topic_of(self) -> dict[int, str]:
        """The topics by the number of their subscription."""
        return {subscription.number: topic for topic, subscription in self.subscriptions.items()}

    @property
    def unsettled(self) -> int:
        """Events that are leased or due."""
        leased = sum(lease.left.bit_count() for lease in self.leases.values())
        return leased + sum(due.left.bit_count() for due in self.due)

    def give_back(self, spans: list[Span], *, attempt: int, at: int) -> None:
        """Make events due at `at`; those given back one by one share an entry when they are alike."""
        count = sum(span.stop - span.start for span in spans)
        for due in self.due:
            if (due.at, due.attempt, due.token, due.gone_bits) == (at, attempt, None, b""):
                due.packed, due.count = pack(due.spans + spans), due.count + count
                return
        self.due.append(Due(at, attempt, None, count, pack(spans)))

    def drop_empty(self) -> None:
        """Remove due entries of which nothing is left."""
        self.due = [due for due in self.due if due.left]

    def count_lost(self, topic: str, events: int) -> None:
        """Events of a topic were lost to retention."""
        if events:
            self.lost[topic] = self.lost.get(topic, 0) + events

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
                self.ended.packed, self.ended.floor, self.lost,
            )
        )  # fmt: skip


def _merged(entries: list[Due]) -> list[Due]:
    """The same events in few entries: the last resort of a document that single settlements have made too large.

    Merged events come at the latest time of their entry (never early), and a late ack no longer finds them.
    """
    merged: list[Due] = []
    for attempt in sorted({due.attempt for due in entries}):
        alike = sorted((due for due in entries if due.attempt == attempt), key=lambda due: due.at)
        step = -(-len(alike) // 16)
        for low in range(0, len(alike), step):
            spans = [span for due in alike[low : low + step] for span in select(due.spans, due.left)]
            spans.sort()
            at = max(due.at for due in alike[low : low + step])
            merged.append(Due(at, attempt, None, sum(span.stop - span.start for span in spans), pack(spans)))
    return merged


def unknown_subscriber(name: str) -> NotFound:
    """What is answered for a name that was never registered."""
    return NotFound("unknown_subscriber", f"No subscriber is registered under the name {name!r}; register it first.")
