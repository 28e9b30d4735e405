"""Explains what became of an event for one subscriber: the state in which the subscriber's next call would find it.

Nothing is written. An event that was read and is not in the subscriber's document was settled, filtered out or dead-lettered.
The current filters and the newest dead letters tell which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pubsubservice.core.meter import meter
from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.problems import NotFound
from pubsubservice.core.times import rfc3339
from pubsubservice.events.validate import identity_of
from pubsubservice.log.batch import Batch
from pubsubservice.log.seek import TRIMMED, Seeker
from pubsubservice.log.sequence import parse_sequence, partition_of, sequence_prefix
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.paths import batch_id, batch_path, batches, subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.event_filter import meant_for_another
from pubsubservice.subscribers.filters import Filter
from pubsubservice.subscribers.leases import Leases
from pubsubservice.subscribers.letter_ids import is_letter_of
from pubsubservice.subscribers.pattern_topics import pattern_of
from pubsubservice.subscribers.spans import mask_of
from pubsubservice.subscribers.state import State, unknown_subscriber

__all__ = ["Explanations"]

#: reads of one explanation of an event named by its sequence
_MAX_READS = 30
#: how many of the newest batches are searched for an id, over all partitions
SEARCHED_BATCHES = 200
#: batches that are read at once
_PAGE = 20


class _Event(NamedTuple):
    """An event found in a log."""

    partition: int
    log_index: int
    line: bytes

    def names(self) -> dict[str, str]:
        """Return the members that name the event in the response."""
        return {"sequence": f"{sequence_prefix(self.partition)}{self.log_index:020d}", "id": identity_of(self.line)[1]}


class Explanations:
    """Explains events; raises NotFound, Forbidden, Unavailable, StoreError."""

    def __init__(self, store: Store, topics: Topics) -> None:
        self._store = store
        self._topics = topics
        self._seeker = Seeker(store)

    def explain(
        self, subscriber: str, topic: str, event: str, *, is_id: bool = False, source: str | None = None
    ) -> dict[str, Any]:
        """Explain the event with this sequence, in at most 30 reads; or with this id, searched in the newest batches.

        Args:
            event: a sequence or an id
            is_id: whether `event` is an id even if it looks like a sequence
            source: with an id, the source of the event; None for any source
        """
        before = meter().reads
        reads = self._store.get_many([subscriber_path(subscriber)])
        doc = reads.docs[0]
        if doc is None:
            raise unknown_subscriber(subscriber)
        check_owner("subscriber", subscriber, doc.data.get("owner"))
        state = State.read(doc)
        leases = Leases(state, reads.time)
        leases.expire()
        DeadLettering(leases).collect()
        found = self._topics.get(topic)
        if found is None:
            raise NotFound("unknown_topic", f"No topic is registered under the name {topic!r}.")
        location = None if is_id else parse_sequence(event)
        searched = {} if location else {"searched_batches": SEARCHED_BATCHES}
        named: dict[str, str] = {"sequence": event} if location else {"id": event}
        found_event = self._find(found, *location) if location else self._find_by_id(found, event, source)
        if isinstance(found_event, _Event):
            named = found_event.names()
            members = self._state_of(
                state, found, found_event, reads.time, _MAX_READS - (meter().reads - before if location else 0)
            )
        else:
            members = {"state": found_event}
        return {"subscriber": subscriber, "topic": topic, "event": named, **members, **searched}

    def _find(self, topic: Topic, partition: int, index: int) -> _Event | str:
        """Return the event at a log index; if it is not in the log, return the state to report."""
        seq = self._seeker.batch_of(topic.name, partition, index) if partition < topic.partitions else None
        if seq is None:
            return "unknown_event"
        doc = None if seq == TRIMMED else self._store.get_many([batch_path(topic.name, partition, seq)]).docs[0]
        if doc is None:
            return "trimmed"
        batch = Batch(doc)
        return _Event(partition, index, batch.lines()[index - batch.first])

    def _find_by_id(self, topic: Topic, event_id: str, source: str | None) -> _Event | str:
        """Return the newest event with this id and source; if the searched batches have none, the state to report."""
        each = max(1, SEARCHED_BATCHES // topic.partitions)
        for partition in range(min(topic.partitions, SEARCHED_BATCHES)):
            for batch in self._newest(topic.name, partition, each):
                for offset, line in reversed([*enumerate(batch.lines())]):
                    event_source, found_id = identity_of(line)
                    if found_id == event_id and source in (None, event_source):
                        return _Event(partition, batch.first + offset, line)
        return "unknown_event"

    def _newest(self, topic: str, partition: int, count: int) -> Iterator[Batch]:
        """Yield the newest `count` batches of a log, newest first."""
        after = None
        while count > 0:
            page = self._store.list(batches(topic, partition), after=after, limit=min(count, _PAGE))
            for doc in page.docs:
                batch = Batch(doc)
                yield batch
                after = batch_id(batch.seq)
            count = count - _PAGE if len(page.docs) == _PAGE else 0

    def _state_of(self, state: State, topic: Topic, event: _Event, now: int, reads: int) -> dict[str, Any]:
        """Return the members that tell the state of an event found in its log."""
        subscription = state.subscriptions.get(topic.name)
        dead = _dead(state, topic, event)
        if dead or subscription:
            return dead or _unsettled(state, topic.name, event, now) or self._final_state(state, topic, event, reads)
        if pattern_of(state, topic.name) is None or topic.dead_letter:
            raise NotFound("unknown_subscription", f"{state.name!r} is not subscribed to {topic.name!r}.")
        return {"state": "not_read"}  # the pattern has not met the topic yet

    def _final_state(self, state: State, topic: Topic, event: _Event, reads: int) -> dict[str, Any]:
        """Return the state of an event that was read and that the subscriber's document does not hold."""
        subscription = state.subscriptions[topic.name]
        settings = state.settings_of(subscription)
        if (subscription.number, event.partition, event.log_index) in state.dropped:
            return {"state": "dropped"}
        if subscription.starts and event.log_index < subscription.starts[event.partition]:
            return {"state": "before_start"}
        clause = Filter.load(settings.filters).clause(event.line, topic.name) if settings.filters else None
        if clause or meant_for_another(event.line, state.name):
            return {"state": "filtered", "clause": clause or "redrivefor"}
        letters = settings.dead_letter_topic or dead_letters_of(state.name)
        if state.deaths and not topic.dead_letter and self._is_dead_letter(state, letters, topic.name, event, reads):
            return {"state": "dead_lettered", "dead_letter_topic": letters}
        return {"state": "settled"}

    def _is_dead_letter(self, state: State, letters: str, topic: str, event: _Event, reads: int) -> bool:
        """Whether one of the newest batches of the dead-letter topic has a dead letter of the event."""
        before = meter().reads
        found = self._topics.get(letters)
        if found is None:
            return False
        source = f"/subscribers/{state.name}"
        place = (topic, event.partition, event.log_index)
        left = reads - (meter().reads - before)
        for batch in self._newest(letters, partition_of(source, found.partitions), left):
            for line in batch.lines():
                letter_source, event_id = identity_of(line)
                if letter_source == source and is_letter_of(event_id, place, state.created):
                    return True
        return False


def _dead(state: State, topic: Topic, event: _Event) -> dict[str, Any] | None:
    for dead in state.dead:
        if (dead.topic, dead.partition, dead.index) == (topic.name, event.partition, event.log_index):
            if topic.dead_letter:
                return {"state": "dropped"}
            return {"state": "dead", "reason": dead.reason, "dead_letter_topic": dead.dead_letter_topic}
    return None


def _unsettled(state: State, topic: str, event: _Event, now: int) -> dict[str, Any] | None:
    """Return the state of an event that is unread, leased, delayed, due or dead; None for others."""
    subscription = state.subscriptions[topic]
    if not subscription.positions or event.log_index >= subscription.positions[event.partition].index:
        return {"state": "not_read"}
    location = [(subscription.number, event.partition, event.log_index)]
    for token, lease in state.leases.items():
        if mask_of(lease.spans, location) & lease.left:
            return {"state": "leased", "lease": token, "until": rfc3339(lease.until), "attempt": lease.attempt}
    dead_lettering = DeadLettering(Leases(state, now))
    for due in state.due:
        mask = mask_of(due.spans, location) & due.left
        if mask & dead_lettering.exhausted(due):
            return {"state": "dead", "reason": due.reason or "waits for room among the dead"}
        if mask:
            waits = {"state": "delayed", "until": rfc3339(due.at)}
            return waits if due.waits(now) else {"state": "due", "at": rfc3339(due.at), "attempt": due.attempt}
    return None
