"""Describes subscribers: their subscriptions and positions, backlogs, leases, and due and dead events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.times import rfc3339
from pubsubservice.log.position import Position
from pubsubservice.log.seek import Seeker
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.log.topics import Topics
from pubsubservice.storage.paths import batch_path, subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.records import SETTINGS
from pubsubservice.subscribers.registry_cursor import CaughtUp, catch_up
from pubsubservice.subscribers.spans import select
from pubsubservice.subscribers.state import State, unknown_subscriber

__all__ = ["Descriptions", "describe", "described", "sequences"]

_SECOND = 1_000_000
#: reads for finding topics that a subscriber does not follow yet
_MAX_READS = 2_000

_Log = tuple[str, int]


def sequences(positions: list[Position]) -> list[str]:
    """Return positions in their wire format: per partition, the sequence of the next event."""
    return [f"{sequence_prefix(partition)}{position.index:020d}" for partition, position in enumerate(positions)]


def describe(state: State, topic: str) -> dict[str, Any]:
    """Describe one subscription with its settings: the pattern's settings for a topic followed through a pattern."""
    subscription = state.subscriptions[topic]
    settings = state.settings_of(subscription)
    members: dict[str, Any] = {
        "topic": topic,
        **{name: getattr(settings, name) for name in SETTINGS},
        "dead_letter_topic": settings.dead_letter_topic or dead_letters_of(state.name),
        "filters": msgspec.Raw(settings.filters or b"[]"),
    }
    if subscription.via:
        members["via"] = subscription.via
    return {**members, "position": sequences(subscription.positions)}


def described(state: State) -> list[dict[str, Any]]:
    """Describe all subscriptions of a subscriber, in the order in which they were made."""
    return [describe(state, topic) for topic in state.subscriptions]


class Descriptions:
    """Reads what the document of a subscriber does not hold: backlogs, ages, and topics that are not followed yet."""

    def __init__(self, store: Store, topics: Topics) -> None:
        self._store = store
        self._topics = topics
        self._seeker = Seeker(store)

    def state(self, name: str) -> dict[str, Any]:
        """Describe a subscriber. Raises NotFound, Forbidden, StoreError.

        Costs one read, one per log for its backlog and one per log for the age of its oldest event, and some for each
        topic that the subscriber does not follow yet, or has no room for.
        """
        reads = self._store.get_many([subscriber_path(name)])
        doc = reads.docs[0]
        if doc is None:
            raise unknown_subscriber(name)
        check_owner("subscriber", name, doc.data.get("owner"))
        state = State.read(doc)
        caught_up = self.catch_up(state)
        subscriptions, ages, unread = [], [], 0
        for topic, backlog, age_s in self.backlogs(state, reads.time):
            ages += [age_s] if age_s is not None else []
            unread += backlog
            if topic not in caught_up.unfollowed:
                counts = {"backlog": backlog, "lost": state.lost.get(topic, 0)}
                dropped = state.subscriptions[topic].dropped
                subscriptions.append({**describe(state, topic), **counts, **({"dropped": dropped} if dropped else {})})
        leases = [
            {"lease": token, "until": rfc3339(lease.until), "attempt": lease.attempt, "events": lease.left.bit_count()}
            for token, lease in state.leases.items()
        ]
        return {
            "subscriber": name,
            "subscriptions": subscriptions,
            "backlog": unread,
            "unsettled": state.unsettled(reads.time),
            "oldest_unsettled_age_s": max(ages, default=None),
            "leases": leases,
            "due": sum(due.left.bit_count() for due in state.due if not due.waits(reads.time)),
            "delayed": sum(due.left.bit_count() for due in state.due if due.waits(reads.time)),
            "dead": len(state.dead),
            **_unfollowed(caught_up),
        }

    def catch_up(self, state: State) -> CaughtUp:
        """Make a state that will not be written follow all topics that the subscriber's next calls would find."""
        return catch_up(state, self._store, self._topics, self._seeker, _MAX_READS)

    def backlogs(self, state: State, now: int) -> Iterator[tuple[str, int, float | None]]:
        """Yield for each subscription: topic or pattern, backlog in events, and age in seconds of its oldest unsettled event.

        An event is unsettled here if it is unread, leased or due. The age is None without such an event. A pattern has
        the backlog 0 and the age None.
        """
        unsettled = _oldest_batches(state, now)
        for topic, subscription in state.subscriptions.items():
            unread: dict[_Log, int] = {}
            backlog = 0
            for partition, position in enumerate(subscription.positions):
                events = max(0, self._seeker.end(topic, partition).index - position.index)
                backlog += events
                if events:
                    unread[(topic, partition)] = position.seq
            times = [*self._created(unsettled.get(topic, {})).values(), *self._created_or_next(unread).values()]
            yield topic, backlog, max(0, now - min(times)) / _SECOND if times else None

    def _created_or_next(self, batches: dict[_Log, int]) -> dict[_Log, int]:
        """Return the create times of batches, µs; for a deleted batch, that of the first remaining batch of its log."""
        times = self._created(batches)
        kept = {log: self._seeker.first_kept(*log) for log in batches.keys() - times.keys()}
        return times | self._created({log: max(seq, batches[log]) for log, seq in kept.items()})

    def _created(self, batches: dict[_Log, int]) -> dict[_Log, int]:
        """Return the create times of those batches that exist, µs."""
        paths = [batch_path(*log, seq) for log, seq in batches.items()]
        docs = self._store.get_many(paths, fields=("format",)).docs if paths else []
        return {log: doc.created for log, doc in zip(batches, docs, strict=True) if doc is not None}


def _unfollowed(caught_up: CaughtUp) -> dict[str, Any]:
    """Return the members about topics without room, and about topics that were not looked at; empty if neither exist."""
    members: dict[str, Any] = {"unfollowed": len(caught_up.unfollowed)} if caught_up.unfollowed else {}
    return {**members, "more_topics": True} if caught_up.more else members


def _oldest_batches(state: State, now: int) -> dict[str, dict[_Log, int]]:
    """Return per topic and log the number of the first batch that has a leased or due event."""
    topics = state.topic_of()
    spans = [span for lease in state.leases.values() for span in select(lease.spans, lease.left)]
    spans += [span for due in state.due if not due.waits(now) for span in select(due.spans, due.left)]
    oldest: dict[str, dict[_Log, int]] = {}
    for span in spans:
        log = (topics[span.number], span.partition)
        of_topic = oldest.setdefault(log[0], {})
        of_topic[log] = min(span.seq, of_topic.get(log, span.seq))
    return oldest
