"""Describes subscribers: their subscriptions and positions, backlogs, leases, and due and dead events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
from pubsubservice.subscribers.spans import pieces, select
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


@dataclass
class _Counts:
    """What is open in a subscription; for a pattern, in all topics that are followed through it."""

    backlog: int
    #: of the oldest event that is unread, leased or due, seconds; None without one
    age_s: float | None
    unsettled: int = 0
    #: of a pattern: events of topics that the subscriber has not met yet; they count in `backlog` too
    unmet: int = 0

    def add(self, topic: _Counts, *, unmet: bool) -> None:
        """Add the counts of a topic to those of its pattern."""
        self.backlog += topic.backlog
        self.unsettled += topic.unsettled
        self.unmet += topic.backlog if unmet else 0
        self.age_s = max((age for age in (self.age_s, topic.age_s) if age is not None), default=None)

    def members(self) -> dict[str, Any]:
        """Return the members that show the counts."""
        shown = {"backlog": self.backlog, "unsettled": self.unsettled, "oldest_age_s": self.age_s}
        return {**shown, "unmet": self.unmet} if self.unmet else shown


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
        return self.described(State.read(doc), doc.updated, reads.time)

    def described(self, state: State, changed_us: int, now: int) -> dict[str, Any]:
        """Describe a subscriber's state.

        Args:
            changed_us: when its document was written last, µs
            now: store time of the read, µs
        """
        met = {*state.subscriptions}
        caught_up = self.catch_up(state)
        counts = {topic: _Counts(backlog, age_s) for topic, backlog, age_s in self.backlogs(state, now)}
        for topic, unsettled in _unsettled_by_topic(state, now).items():
            counts[topic].unsettled = unsettled
        unread = sum(each.backlog for each in counts.values())
        ages = [each.age_s for each in counts.values() if each.age_s is not None]
        for topic, subscription in state.subscriptions.items():
            if subscription.via:
                counts[subscription.via].add(counts[topic], unmet=topic not in met)
        subscriptions = []
        for topic in state.subscriptions:
            if topic not in caught_up.unfollowed:
                dropped = state.subscriptions[topic].dropped
                members = {**describe(state, topic), **counts[topic].members(), "lost": state.lost.get(topic, 0)}
                subscriptions.append({**members, **({"dropped": dropped} if dropped else {})})
        due = [due for due in state.due if due.left]
        return {
            "subscriber": state.name,
            "subscriptions": subscriptions,
            "backlog": unread,
            "unsettled": state.unsettled(now),
            "oldest_unsettled_age_s": max(ages, default=None),
            "leases": [_lease(state, token) for token in state.leases],
            "due": sum(each.left.bit_count() for each in due if not each.waits(now)),
            "delayed": sum(each.left.bit_count() for each in due if each.waits(now)),
            "next_due_at": rfc3339(min(each.at for each in due)) if due else None,
            "dead": len(state.dead),
            "changed_at": rfc3339(changed_us),
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


def _lease(state: State, token: str) -> dict[str, Any]:
    """Describe a lease, with the number of its unsettled events in each topic."""
    lease, topics = state.leases[token], state.topic_of()
    by_topic: Counter[str] = Counter()
    for piece in pieces(lease.spans, lease.left):
        by_topic[topics[piece.span.number]] += piece.size
    shown = {"lease": token, "until": rfc3339(lease.until), "attempt": lease.attempt}
    return {**shown, "events": lease.left.bit_count(), "topics": by_topic}


def _unsettled_by_topic(state: State, now: int) -> Counter[str]:
    """Count the events of each topic that are leased or due."""
    topics, counts = state.topic_of(), Counter[str]()
    held = [piece for lease in state.leases.values() for piece in pieces(lease.spans, lease.left)]
    held += [piece for due in state.due if not due.waits(now) for piece in pieces(due.spans, due.left)]
    for piece in held:
        counts[topics[piece.span.number]] += piece.size
    return counts


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
