"""A run's history, put in order: what publishers did, what consumers got and said, what the functions handed out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torture.records import Acked, Attempted, Changed, Delivered, Failed, Record, Ref, Run, Settling, Stored

__all__ = ["Evidence", "Got", "HandOut", "Handing", "letters_of"]


#: after every event
_NEVER = 1 << 62


class Got(NamedTuple):
    """An event as a consumer got it."""

    id: str
    token: str
    attempt: int
    #: commit time, µs
    time: int
    whole: bool


class HandOut(NamedTuple):
    """An event as a function leased it."""

    #: which change of the subscriber's document
    place: int
    #: store time of that change, µs
    time: int
    token: str
    attempt: int
    #: when the lease was to expire, µs
    until: int


class Evidence:
    """What clients did; by subscriber and event, which is its topic and sequence."""

    def __init__(self, records: Iterable[Record]) -> None:
        #: the publisher and topic of each event that was tried
        self.attempted: dict[str, tuple[str, str]] = {}
        #: acknowledged: place and commit time (µs), by topic and id
        self.stored: dict[tuple[str, str], tuple[str, int]] = {}
        self.refused: set[str] = set()
        #: events published with a delay, µs
        self.delays: dict[str, int] = {}
        self.got: dict[str, dict[Ref, list[Got]]] = defaultdict(lambda: defaultdict(list))
        self._settled: dict[tuple[str, str], list[Settling]] = defaultdict(list)
        #: of each token, in which order its events came: delayed ones take their place when they are due
        self._came: dict[tuple[str, str], dict[Ref, int]] = defaultdict(dict)
        #: acks that clients were told to have counted
        self._acked: dict[tuple[str, str], list[Acked]] = defaultdict(list)
        for record in records:
            self._take(record)

    def _take(self, record: Record) -> None:
        match record:
            case Attempted():
                self.attempted.update((event_id, (record.publisher, record.topic)) for event_id in record.ids)
                if record.delay_us:
                    self.delays.update((event_id, record.delay_us) for event_id in record.ids)
            case Stored():
                self.stored.update(((record.topic, event_id), (seq, time)) for event_id, seq, time in record.events)
            case Failed(refused=True):
                self.refused.update(record.ids)
            case Delivered():
                for event_id, topic, sequence, time, whole in record.events:
                    got = Got(event_id, record.token, record.attempt, time, whole)
                    self.got[record.subscriber][(topic, sequence)].append(got)
                    came = self._came[(record.subscriber, record.token)]
                    came.setdefault((topic, sequence), len(came))
            case Settling():
                self._settled[(record.subscriber, record.token)].append(record)
            case Acked():
                self._acked[(record.subscriber, record.token)].append(record)

    def said(self, subscriber: str, token: str, ref: Ref) -> str | None:
        """What a consumer said of an event under a token; what it said of all of a lease covers what it had not named.

        Of all it may say two things, one when it came back for more and one when it was ended before it did: the last counts.
        """
        of_all = None
        for settling in self._settled[(subscriber, token)]:
            if settling.refs is None:
                of_all = settling.verb
            elif ref in settling.refs:
                return settling.verb
        return of_all

    def gave_back_older(self, subscriber: str, token: str, ref: Ref) -> bool:
        """Whether a consumer gave back, by name, an event of the same topic that came before `ref` in the same lease."""
        came = self._came[(subscriber, token)]
        return any(
            settling.verb in {"nack", "release"}
            and any(other[0] == ref[0] and came.get(other, _NEVER) < came.get(ref, _NEVER) for other in settling.refs)
            for settling in self._settled[(subscriber, token)]
            if settling.refs is not None
        )

    def was_acked(self, subscriber: str, token: str, ref: Ref) -> bool:
        """Whether a consumer was told that its ack of an event, under a token, counted."""
        return any(
            self.said(subscriber, token, ref) == "ack" if acked.refs is None else ref in acked.refs
            for acked in self._acked[(subscriber, token)]
        )

    def due_times(self) -> dict[Ref, int]:
        """When delayed events are due, µs, as far as a client learned of them."""
        places = {(topic, seq): (event_id, time) for (topic, event_id), (seq, time) in self.stored.items()}
        for events in self.got.values():
            places.update((ref, (got[0].id, got[0].time)) for ref, got in events.items())
        return {
            ref: time + self.delays[event_id] for ref, (event_id, time) in places.items() if event_id in self.delays
        }

    def times(self) -> dict[Ref, int]:
        """Commit times, µs, as far as a client learned of them."""
        times = {(topic, seq): time for (topic, _), (seq, time) in self.stored.items()}
        for events in self.got.values():
            times.update((ref, got[0].time) for ref, got in events.items())
        return times


class Handing:
    """What the functions handed out to one subscriber, from the changes of its document in their order."""

    def __init__(self, chain: Sequence[tuple[Changed, int]]) -> None:
        #: each event's hand-outs, in order; events in the order in which they were handed out first
        self.by_event: dict[Ref, list[HandOut]] = {}
        #: at which change an event was neither leased nor due any more
        self.left: dict[Ref, int] = {}
        self.lost: dict[str, int] = {}
        self.tokens: list[str] = []
        #: positions at each change that moved some: topic and next log index per partition
        self.positions: list[Mapping[str, list[int]]] = []
        self._extended: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, (change, time) in enumerate(chain):
            for token, lease in change.made.items():
                self.tokens.append(token)
                hand_out = HandOut(place, time, token, lease.attempt, lease.until)
                for ref in _refs(lease.runs):
                    self.by_event.setdefault(ref, []).append(hand_out)
            for token, until in change.extended.items():
                self._extended[token].append((place, until))
            self.left.update((ref, place) for ref in _refs(change.left))
            self.lost.update(change.lost)
            if change.positions:
                self.positions.append(change.positions)

    def until(self, hand_out: HandOut, before: int) -> int:
        """When the lease of a hand-out was to expire, µs, as it stood before a change."""
        until = hand_out.until
        for place, extended in self._extended[hand_out.token]:
            if place < before:
                until = extended
        return until


def letters_of(got: Mapping[Ref, Sequence[Got]]) -> dict[Ref, set[str]]:
    """The ids of dead letters, by the event that died: an id is ``{topic}/{partition}/{index}/{death}/{created}``."""
    letters: dict[Ref, set[str]] = {}
    for deliveries in got.values():
        topic, partition, index, *_ = deliveries[0].id.split("/")
        ref = (topic, f"{int(partition):04d}-{int(index):020d}")
        letters.setdefault(ref, set()).add(deliveries[0].id)
    return letters


def _refs(runs: Iterable[Run]) -> Iterable[Ref]:
    for topic, partition, first, count in runs:
        for index in range(first, first + count):
            yield topic, f"{partition:04d}-{index:020d}"
