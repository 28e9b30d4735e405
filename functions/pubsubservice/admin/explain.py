"""Explains what became of events for one subscriber; `event_states` has the rules. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pubsubservice.admin.event_states import EventStates, LoggedEvent, newest_batches
from pubsubservice.core.meter import meter
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.problems import NotFound
from pubsubservice.events.validate import identity_of
from pubsubservice.log.batch import Batch
from pubsubservice.log.seek import TRIMMED, Seeker
from pubsubservice.log.sequence import parse_sequence, sequence_prefix
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.paths import batch_path, subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.state import unknown_subscriber

__all__ = ["Explanations"]

#: reads of one explanation of an event named by its sequence
_MAX_READS = 30
#: how many of the newest batches are searched for an id, over all partitions
SEARCHED_BATCHES = 200


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
        found = self._topics.get(topic)
        if found is None:
            raise NotFound("unknown_topic", f"No topic is registered under the name {topic!r}.")
        location = None if is_id else parse_sequence(event)
        members: dict[str, Any] = {}
        searched = {} if location else {"searched_batches": SEARCHED_BATCHES}
        named: dict[str, str] = {"sequence": event} if location else {"id": event}
        found_event = self._find(found, *location) if location else self._find_by_id(found, event, source)
        if isinstance(found_event, LoggedEvent):
            named = _names(found_event)
            left = _MAX_READS - (meter().reads - before if location else 0)
            state = EventStates(self._store, self._topics, doc, reads.time, left).of(found, found_event)
            if state is None:
                raise NotFound("unknown_subscription", f"{subscriber!r} is not subscribed to {topic!r}.")
            members.update(state)
        else:
            members["state"] = found_event
        return {"subscriber": subscriber, "topic": topic, "event": named, **members, **searched}

    def states(self, subscriber: str, events: Iterable[tuple[str, LoggedEvent]]) -> dict[str, dict[str, str]]:
        """Return the states of events of topics, as {topic: {sequence: state}}; without topics that are not followed.

        Costs one read, one for each topic that this process has not met, and up to 30 if events were dead-lettered.
        """
        reads = self._store.get_many([subscriber_path(subscriber)])
        doc = reads.docs[0]
        if doc is None:
            raise unknown_subscriber(subscriber)
        check_owner("subscriber", subscriber, doc.data.get("owner"))
        of_subscriber = EventStates(self._store, self._topics, doc, reads.time, _MAX_READS)
        found: dict[str, dict[str, str]] = {}
        events = [*events]
        topics = self._topics.get_fixed({topic for topic, _ in events})
        for name, event in events:
            members = of_subscriber.of(topics[name], event) if name in topics else None
            if members is not None:
                found.setdefault(name, {})[_names(event)["sequence"]] = members["state"]
        return found

    def _find(self, topic: Topic, partition: int, index: int) -> LoggedEvent | str:
        """Return the event at a log index; if it is not in the log, return the state to report."""
        seq = self._seeker.batch_of(topic.name, partition, index) if partition < topic.partitions else None
        if seq is None:
            return "unknown_event"
        doc = None if seq == TRIMMED else self._store.get_many([batch_path(topic.name, partition, seq)]).docs[0]
        if doc is None:
            return "trimmed"
        batch = Batch(doc)
        return LoggedEvent(partition, index, batch.lines()[index - batch.first])

    def _find_by_id(self, topic: Topic, event_id: str, source: str | None) -> LoggedEvent | str:
        """Return the newest event with this id and source; if the searched batches have none, the state to report."""
        each = max(1, SEARCHED_BATCHES // topic.partitions)
        for partition in range(min(topic.partitions, SEARCHED_BATCHES)):
            for batch in newest_batches(self._store, topic.name, partition, each):
                for offset, line in reversed([*enumerate(batch.lines())]):
                    event_source, found_id = identity_of(line)
                    if found_id == event_id and source in (None, event_source):
                        return LoggedEvent(partition, batch.first + offset, line)
        return "unknown_event"


def _names(event: LoggedEvent) -> dict[str, str]:
    """Return the members that name an event in the response."""
    sequence = f"{sequence_prefix(event.partition)}{event.log_index:020d}"
    return {"sequence": sequence, "id": identity_of(event.line)[1]}
