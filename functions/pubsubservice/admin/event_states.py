"""Tells what became of events for one subscriber: the state in which the subscriber's next call would find each.

Nothing is written. An event that was read and is not in the subscriber's document was settled, filtered out or dead-lettered.
The current filters and the newest dead letters tell which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pubsubservice.core.meter import meter
from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.times import rfc3339
from pubsubservice.events.validate import identity_of
from pubsubservice.log.batch import Batch
from pubsubservice.log.sequence import partition_of
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.paths import batch_id, batches
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.event_filter import meant_for_another
from pubsubservice.subscribers.filters import Filter
from pubsubservice.subscribers.leases import Leases
from pubsubservice.subscribers.letter_ids import letter_place
from pubsubservice.subscribers.pattern_topics import pattern_of
from pubsubservice.subscribers.records import Due
from pubsubservice.subscribers.spans import Piece, pieces, positions
from pubsubservice.subscribers.state import State

__all__ = ["EventStates", "LoggedEvent", "newest_batches"]

#: batches that are read at once
_PAGE = 20

_Members = dict[str, Any]


class LoggedEvent(NamedTuple):
    """An event found in a log."""

    partition: int
    log_index: int
    line: bytes


class EventStates:
    """What became of events for one subscriber. Raises Unavailable, StoreError.

    Args:
        doc: the subscriber's document
        now: store time at which it was read, µs
        max_reads: the most reads beyond the document, for topics and dead letters
    """

    def __init__(self, store: Store, topics: Topics, doc: Doc, now: int, max_reads: int) -> None:
        self._store = store
        self._topics = topics
        self._now = now
        self._reads = max_reads
        self.state = State.read(doc)
        leases = Leases(self.state, now)
        leases.expire()
        self._dead_lettering = DeadLettering(leases)
        self._dead_lettering.collect()
        self._dropped = {*self.state.dropped}
        self._dead = {(dead.topic, dead.partition, dead.index): dead for dead in self.state.dead}
        #: by number of the subscription: {(partition, log index): members}
        self._held: dict[int, dict[tuple[int, int], _Members]] = {}
        self._letters: dict[str, _Letters] = {}

    def of(self, topic: Topic, event: LoggedEvent) -> _Members | None:
        """Return the members that tell the state of an event; None if the subscriber does not follow the topic."""
        subscription = self.state.subscriptions.get(topic.name)
        dead = self._dead.get((topic.name, event.partition, event.log_index))
        if dead is not None:
            if topic.dead_letter:
                return {"state": "dropped"}
            return {"state": "dead", "reason": dead.reason, "dead_letter_topic": dead.dead_letter_topic}
        if subscription is None:
            unmet = pattern_of(self.state, topic.name) is not None and not topic.dead_letter
            return {"state": "not_read"} if unmet else None
        if not subscription.positions or event.log_index >= subscription.positions[event.partition].index:
            return {"state": "not_read"}
        held = self._held_of(subscription.number).get((event.partition, event.log_index))
        return held or self._final(topic, event)

    def _final(self, topic: Topic, event: LoggedEvent) -> _Members:
        """Return the state of an event that was read and that the subscriber's document does not hold."""
        subscription = self.state.subscriptions[topic.name]
        settings = self.state.settings_of(subscription)
        if (subscription.number, event.partition, event.log_index) in self._dropped:
            return {"state": "dropped"}
        if subscription.starts and event.log_index < subscription.starts[event.partition]:
            return {"state": "before_start"}
        clause = Filter.load(settings.filters).clause(event.line, topic.name) if settings.filters else None
        if clause or meant_for_another(event.line, self.state.name):
            return {"state": "filtered", "clause": clause or "redrivefor"}
        letters = settings.dead_letter_topic or dead_letters_of(self.state.name)
        place = f"{topic.name}/{event.partition}/{event.log_index}"
        if self.state.deaths and not topic.dead_letter and self._letters_in(letters).has(place):
            return {"state": "dead_lettered", "dead_letter_topic": letters}
        return {"state": "settled"}

    def _held_of(self, number: int) -> dict[tuple[int, int], _Members]:
        """Return the leased, delayed and due events of a subscription, with the members that tell their state."""
        held = self._held.get(number)
        if held is None:
            held = self._held[number] = {}
            for due in self.state.due:
                exhausted = self._dead_lettering.exhausted(due)
                _add(held, number, pieces(due.spans, due.left & ~exhausted), self._due_members(due))
                reason = due.reason or "waits for room among the dead"
                _add(held, number, pieces(due.spans, due.left & exhausted), {"state": "dead", "reason": reason})
            for token, lease in self.state.leases.items():
                members = {"state": "leased", "lease": token, "until": rfc3339(lease.until), "attempt": lease.attempt}
                _add(held, number, pieces(lease.spans, lease.left), members)
        return held

    def _due_members(self, due: Due) -> _Members:
        if due.waits(self._now):
            return {"state": "delayed", "until": rfc3339(due.at)}
        return {"state": "due", "at": rfc3339(due.at), "attempt": due.attempt}

    def _letters_in(self, dead_letter_topic: str) -> _Letters:
        letters = self._letters.get(dead_letter_topic)
        if letters is None:
            before = meter().reads
            topic = self._topics.get(dead_letter_topic)
            self._reads -= meter().reads - before
            source = f"/subscribers/{self.state.name}"
            newest = iter(()) if topic is None else self._newest_letters(topic, source)
            letters = self._letters[dead_letter_topic] = _Letters(newest)
        return letters

    def _newest_letters(self, topic: Topic, source: str) -> Iterator[str]:
        """Yield the places of the events of the subscriber's newest dead letters, as far as the reads go."""
        for batch in newest_batches(self._store, topic.name, partition_of(source, topic.partitions), self._reads):
            self._reads -= 1
            for line in batch.lines():
                letter_source, letter_id = identity_of(line)
                place = letter_place(letter_id, self.state.created) if letter_source == source else None
                if place is not None:
                    yield place


class _Letters:
    """The places of the events of dead letters; reads no more letters than it is asked for."""

    def __init__(self, places: Iterator[str]) -> None:
        self._left = places
        self._places: set[str] = set()

    def has(self, place: str) -> bool:
        """Whether there is a dead letter of the event at a place (see `letter_place`)."""
        while place not in self._places:
            read = next(self._left, None)
            if read is None:
                return False
            self._places.add(read)
        return True


def newest_batches(store: Store, topic: str, partition: int, count: int) -> Iterator[Batch]:
    """Yield the newest `count` batches of a log, newest first."""
    after = None
    while count > 0:
        page = store.list(batches(topic, partition), after=after, limit=min(count, _PAGE))
        for doc in page.docs:
            batch = Batch(doc)
            yield batch
            after = batch_id(batch.seq)
        count = count - _PAGE if len(page.docs) == _PAGE else 0


def _add(held: dict[tuple[int, int], _Members], number: int, parts: list[Piece], members: _Members) -> None:
    """Add the events of one subscription among these pieces."""
    for span, mask in parts:
        if span.number == number:
            for offset in positions(mask):
                held[(span.partition, span.first + offset)] = members
