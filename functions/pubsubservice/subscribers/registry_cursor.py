"""Reads the topic registry like one more log, so that a pattern meets new topics in commit order.

Every topic that has an event is recorded up to the time to which the registry was read; so the registry bounds the events
that may be handed out, as each log does. Topics are met in the order of the registry. The position in the registry moves
past a topic only when the topic is followed, or when no pattern matches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pubsubservice.core.meter import meter
from pubsubservice.core.patterns import is_pattern
from pubsubservice.log.position import Position
from pubsubservice.log.registry import record_path, recorded_topic
from pubsubservice.log.seek import Seeker
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.paths import seq_of
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.pattern_topics import bring_in, has_room, pattern_of, patterns
from pubsubservice.subscribers.state import State

__all__ = ["CaughtUp", "RegistryCursor", "catch_up"]

#: reads of one `follow_records`, beyond the records themselves, after which it stops early
_MAX_READS = 128
#: records that `catch_up` reads at once
_WINDOW = 100
#: later than any time
_NEVER = 1 << 62


class CaughtUp(NamedTuple):
    """The result of `catch_up`."""

    #: topics that match a pattern but do not fit into the subscriber's document
    unfollowed: set[str]
    #: the limit on reads was reached before the end of the registry
    more: bool


def catch_up(state: State, store: Store, topics: Topics, seeker: Seeker, max_reads: int) -> CaughtUp:
    """Make a state that will not be written follow every existing topic that it subscribes to, even those without room."""
    before = meter().reads
    unmet = [name for name, each in state.subscriptions.items() if not (each.positions or is_pattern(name))]
    for name, topic in topics.get_many(unmet).items():
        state.subscriptions[name].positions = [Position() for _ in range(topic.partitions)]
    if not patterns(state):
        return CaughtUp(set(), more=False)
    cursor = RegistryCursor(state, topics, seeker, read_only=True)
    while cursor.open and meter().reads - before < max_reads:
        records = store.get_many(cursor.window(_WINDOW))
        cursor.follow_records(records.docs, records.times)
    return CaughtUp(cursor.unfollowed, cursor.open)


class RegistryCursor:
    """A cursor in the registry, with the interface of a `LogCursor`.

    Args:
        read_only: the state will not be written: topics without room are followed too, and added to `unfollowed`
    """

    def __init__(self, state: State, topics: Topics, seeker: Seeker, *, read_only: bool = False) -> None:
        self._state = state
        self._topics = topics
        self._seeker = seeker
        self._width = 1
        #: all topics recorded up to this time are known; µs
        self.horizon = -1
        #: there may be more records behind those that were read
        self.open = True
        #: the next topic does not fit into the subscriber's document: reading stops there, and no longer bounds other logs
        self.full = False
        self.unfollowed: set[str] = set()
        self._read_only = read_only

    def next_path(self) -> str:
        """Return the path of the next record."""
        return record_path(self._state.registry.seq)

    def window(self, width: int) -> list[str]:
        """Return the paths of the next records to read: one when idle, doubling while records are found."""
        seq = self._state.registry.seq
        return [record_path(seq + n) for n in range(min(width, self._width))]

    def follow_records(self, records: Sequence[Doc | None], times: Sequence[int]) -> list[str]:
        """Follow the topics of these records that match a pattern, in order; return the newly followed topics."""
        self._width = 2 * len(records)
        found = self._topics.get_fixed(
            {topic for record in records if record for topic in [recorded_topic(record)] if self._pattern_of(topic)}
        )
        followed: list[str] = []
        before = meter().reads
        for record, time in zip(records, times, strict=True):
            if record is None:
                self.horizon, self.open = time, False
                break
            if meter().reads - before >= _MAX_READS:
                break
            topic = found.get(recorded_topic(record))
            pattern = self._pattern_of(topic.name) if topic and not topic.dead_letter else None
            if topic and pattern:
                if self._read_only and (self.unfollowed or not has_room(self._state, topic.partitions)):
                    self.unfollowed.add(topic.name)
                elif not has_room(self._state, topic.partitions):
                    self.horizon, self.open, self.full = _NEVER, False, True
                    break
                self._follow(topic, pattern, seq_of(record.path))
                followed.append(topic.name)
            self._state.registry.seq = seq_of(record.path) + 1
            self.horizon = record.created
        return followed

    def _pattern_of(self, topic: str) -> str | None:
        """Return the pattern through which to follow a topic; None if it is followed already, or no pattern matches."""
        return None if topic in self._state.subscriptions else pattern_of(self._state, topic)

    def _follow(self, topic: Topic, pattern: str, seq: int) -> None:
        """Follow a topic: from the pattern's start position if the topic is older than the pattern, else from its start."""
        subscription = self._state.subscriptions[pattern]
        if seq > subscription.upto:
            positions = [Position() for _ in range(topic.partitions)]
        elif subscription.begin:
            positions = self._seeker.at_time(topic.name, topic.partitions, subscription.begin)
        else:
            positions = self._seeker.earliest(topic.name, topic.partitions)
        bring_in(self._state, topic.name, pattern, positions)
