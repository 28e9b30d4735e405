"""What became of an event, as one subscriber sees it: the state that the next call of this subscriber would find it in.

Nothing is written. Whatever is not in the subscriber's document was settled, filtered out, or has become a dead letter: of
these the filters of today and the newest dead letters tell.
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
from pubsubservice.subscribers.pattern_topics import pattern_of
from pubsubservice.subscribers.spans import mask_of
from pubsubservice.subscribers.state import State, unknown_subscriber

__all__ = ["Explanations"]

#: reads of one explanation, by sequence
_MAX_READS = 30
#: newest batches in which an id is looked for, over all partitions, and how many are read at once
SEARCHED_BATCHES = 200
_PAGE = 20


class _Event(NamedTuple):
    """An event that is in a log."""

    partition: int
    log_index: int
    line: bytes

    def named(self) -> dict[str, str]:
        """How the answer names it."""
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
        """What became of the event with this sequence, in at most 30 reads; or with this id, in the newest batches.

        Args:
            is_id: it is an id, even if it looks like a sequence
            source: with an id, the event's source; whatever source it is of when None
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
        place = None if is_id else parse_sequence(event)
        searched = {} if place else {"searched_batches": SEARCHED_BATCHES}
        named: dict[str, str] = {"sequence": event} if place else {"id": event}
        at = self._at(found, *place) if place else self._with_id(found, event, source)
        if isinstance(at, _Event):
            named = at.named()
            said = self._judge(state, found, at, reads.time, _MAX_READS - (meter().reads - before if place else 0))
        else:
            said = {"state": at}
        return {"subscriber": subscriber, "topic": topic, "event": named, **said, **searched}

    def _at(self, topic: Topic, partition: int, index: int) -> _Event | str:
        """The event at a place, or the state of one that is not there."""
        seq = self._seeker.batch_of(topic.name, partition, index) if partition < topic.partitions else None
        if seq is None:
            return "unknown_event"
        doc = None if seq == TRIMMED else self._store.get_many([batch_path(topic.name, partition, seq)]).docs[0]
        if doc is None:
            return "trimmed"
        batch = Batch(doc)
        return _Event(partition, index, batch.lines()[index - batch.first])

    def _with_id(self, topic: Topic, event_id: str, source: str | None) -> _Event | str:
        """The newest event with this id (of this source), or the state of one that is not in the newest batches."""
        each = max(1, SEARCHED_BATCHES // topic.partitions)
        for partition in range(min(topic.partitions, SEARCHED_BATCHES)):
            for batch in self._newest(topic.name, partition, each):
                for offset, line in reversed([*enumerate(batch.lines())]):
                    of, named = identity_of(line)
                    if named == event_id and source in (None, of):
                        return _Event(partition, batch.first + offset, line)
        return "unknown_event"

    def _newest(self, topic: str, partition: int, count: int) -> Iterator[Batch]:
        """The newest batches of a log, newest first."""
        after = None
        while count > 0:
            page = self._store.list(batches(topic, partition), after=after, limit=min(count, _PAGE))
            for doc in page.docs:
                batch = Batch(doc)
                yield batch
                after = batch_id(batch.seq)
            count = count - _PAGE if len(page.docs) == _PAGE else 0

    def _judge(self, state: State, topic: Topic, event: _Event, now: int, reads: int) -> dict[str, Any]:
        """The state of an event that is in its log."""
        subscription = state.subscriptions.get(topic.name)
        said = _dead(state, topic, event)
        if said or subscription:
            return said or _unsettled(state, topic.name, event, now) or self._passed(state, topic, event, reads)
        if pattern_of(state, topic.name) is None or topic.dead_letter:
            raise NotFound("unknown_subscription", f"{state.name!r} is not subscribed to {topic.name!r}.")
        return {"state": "not_read"}  # the pattern has not met the topic yet

    def _passed(self, state: State, topic: Topic, event: _Event, reads: int) -> dict[str, Any]:
        """The state of an event behind which the subscription is, and of which its document has nothing."""
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
        if (
            state.deaths
            and not topic.dead_letter
            and self._is_dead_letter(state.name, letters, topic.name, event, reads)
        ):
            return {"state": "dead_lettered", "dead_letter_topic": letters}
        return {"state": "settled"}

    def _is_dead_letter(self, subscriber: str, letters: str, topic: str, event: _Event, reads: int) -> bool:
        """Whether one of the newest batches of dead letters has this event."""
        before = meter().reads
        found = self._topics.get(letters)
        if found is None:
            return False
        source = f"/subscribers/{subscriber}"
        prefix = f"{topic}/{event.partition}/{event.log_index}/"
        left = reads - (meter().reads - before)
        for batch in self._newest(letters, partition_of(source, found.partitions), left):
            for line in batch.lines():
                of, event_id = identity_of(line)
                if of == source and event_id.startswith(prefix):
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
    """The state of an event that is not read yet, or is leased, or due now or later."""
    subscription = state.subscriptions[topic]
    if not subscription.positions or event.log_index >= subscription.positions[event.partition].index:
        return {"state": "not_read"}
    place = [(subscription.number, event.partition, event.log_index)]
    for token, lease in state.leases.items():
        if mask_of(lease.spans, place) & lease.left:
            return {"state": "leased", "lease": token, "until": rfc3339(lease.until), "attempt": lease.attempt}
    dead_lettering = DeadLettering(Leases(state, now))
    for due in state.due:
        mask = mask_of(due.spans, place) & due.left
        if mask & dead_lettering.exhausted(due):
            return {"state": "dead", "reason": due.reason or "waits for room among the dead"}
        if mask:
            waits = {"state": "delayed", "until": rfc3339(due.at)}
            return waits if due.waits(now) else {"state": "due", "at": rfc3339(due.at), "attempt": due.attempt}
    return None
