"""Following patterns: the registry of topics as a subscriber reads it, beside the logs of its topics, as if it were one.

Up to the time to which the registry was read, every topic with an event is known; so it bounds what may be handed out just as
another log does. A topic is met in the order of the registry, and the place in the registry moves past it only when it is
followed, or no pattern wants it.
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

__all__ = ["CaughtUp", "RegistryCursor", "catch_up", "follows_patterns"]

#: reads of one step, beyond the records themselves, before it stops in the middle
_MAX_READS = 128
#: records that are read at once by who only looks
_WINDOW = 100
#: later than any time
_NEVER = 1 << 62


def follows_patterns(state: State) -> bool:
    """Whether the registry concerns this subscriber."""
    return bool(patterns(state))


class CaughtUp(NamedTuple):
    """What the next calls of a subscriber would meet."""

    #: topics that its patterns stand for and that it has no room to follow
    unfollowed: set[str]
    #: the bound on reads was met before all was looked at
    more: bool


def catch_up(state: State, store: Store, topics: Topics, seeker: Seeker, max_reads: int) -> CaughtUp:
    """Have a state that is only to be looked at follow every topic that is there by now, those that have no room too."""
    before = meter().reads
    unmet = [name for name, each in state.subscriptions.items() if not (each.positions or is_pattern(name))]
    for name, topic in topics.get_many(unmet).items():
        state.subscriptions[name].positions = [Position() for _ in range(topic.partitions)]
    if not follows_patterns(state):
        return CaughtUp(set(), more=False)
    cursor = RegistryCursor(state, topics, seeker, looking=True)
    while cursor.open and meter().reads - before < max_reads:
        records = store.get_many(cursor.window(_WINDOW))
        cursor.take(records.docs, records.times)
    return CaughtUp(cursor.unfollowed, cursor.open)


class RegistryCursor:
    """The registry being read; it has what the reader asks of a log.

    Args:
        looking: the state is not kept: it takes what it has no room for, which is put into `unfollowed`
    """

    def __init__(self, state: State, topics: Topics, seeker: Seeker, *, looking: bool = False) -> None:
        self._state = state
        self._topics = topics
        self._seeker = seeker
        self._width = 1
        #: every topic recorded up to here is known; µs
        self.horizon = -1
        #: there may be more behind what was read
        self.open = True
        #: the next topic does not fit the subscriber: the registry stops there, and bounds nothing any more
        self.full = False
        self.unfollowed: set[str] = set()
        self._looking = looking

    def next_path(self) -> str:
        return record_path(self._state.registry.seq)

    def window(self, width: int) -> list[str]:
        """The next records to ask for: one when idle, doubling while there are more."""
        seq = self._state.registry.seq
        return [record_path(seq + n) for n in range(min(width, self._width))]

    def take(self, records: Sequence[Doc | None], times: Sequence[int]) -> list[str]:
        """Follow the topics of these records that a pattern wants, in their order; returns those that are new."""
        self._width = 2 * len(records)
        found = self._topics.get_many(
            {topic for record in records if record for topic in [recorded_topic(record)] if self._pattern_of(topic)}
        )
        brought: list[str] = []
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
                if self._looking and (self.unfollowed or not has_room(self._state, topic.partitions)):
                    self.unfollowed.add(topic.name)
                elif not has_room(self._state, topic.partitions):
                    self.horizon, self.open, self.full = _NEVER, False, True
                    break
                self._meet(topic, pattern, seq_of(record.path))
                brought.append(topic.name)
            self._state.registry.seq = seq_of(record.path) + 1
            self.horizon = record.created
        return brought

    def _pattern_of(self, topic: str) -> str | None:
        """The pattern that brings a topic in; None if it is followed already, or nothing wants it."""
        return None if topic in self._state.subscriptions else pattern_of(self._state, topic)

    def _meet(self, topic: Topic, pattern: str, seq: int) -> None:
        """Follow a topic: if it was there when the pattern was subscribed to, from where that says; else from its start."""
        wanted = self._state.subscriptions[pattern]
        if seq > wanted.upto:
            positions = [Position() for _ in range(topic.partitions)]
        elif wanted.begin:
            positions = self._seeker.at_time(topic.name, topic.partitions, wanted.begin)
        else:
            positions = self._seeker.earliest(topic.name, topic.partitions)
        bring_in(self._state, topic.name, pattern, positions)
