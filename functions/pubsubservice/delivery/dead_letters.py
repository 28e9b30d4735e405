"""Publishes dead events to their dead-letter topics, then removes them from the state's `dead`.

Any call can repeat each step safely. The identity of a dead letter consists of the event's topic, partition and log index and
the serial number of the death, and duplicates are looked for back to the time of the death, however long ago that is.

An event stays in `dead` while no topic accepts its dead letter: a topic that publishers publish to, or that belongs to
another identity, is never made a dead-letter topic.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from pubsubservice.core.names import dead_letters_of, redriver_of
from pubsubservice.core.ownership import acting_for
from pubsubservice.core.problems import Conflict, Forbidden, Problem
from pubsubservice.core.runtime import Runtime
from pubsubservice.delivery.letters import dead_letter
from pubsubservice.delivery.reader import Reader
from pubsubservice.events.entry import Entry
from pubsubservice.log.batch import Batch
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.optimistic import attempts, replace
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Doc, Store, StoreError
from pubsubservice.subscribers.records import Dead
from pubsubservice.subscribers.state import State

__all__ = ["DeadLetters"]

_logger = logging.getLogger("pubsubservice.delivery")

#: the most dead letters that one call publishes, and bytes of those that one append holds
_MAX_PER_CALL = 100
_APPEND_BYTES = 4 * 1024 * 1024
_MAX_TRIES = 5
#: interval between log lines about a subscriber whose dead letters no topic accepts, seconds
_LOG_INTERVAL_S = 60.0
#: subscribers for which the time of the last line is remembered
_MAX_REMEMBERED = 1_000

#: append(topic, publisher, entries, since): like a publish, but it finds duplicates back to `since`, however long ago
AppendLetters = Callable[[Topic, str, list[Entry], int], object]
_Letter = tuple[Dead, Entry]


class DeadLetters:
    """Publishes the dead events of subscribers."""

    def __init__(self, store: Store, runtime: Runtime, topics: Topics, reader: Reader, append: AppendLetters) -> None:
        self._store = store
        self._runtime = runtime
        self._topics = topics
        self._reader = reader
        self._append = append
        #: by subscriber: when the last line about refused dead letters was logged, by this process's clock
        self._logged_at: dict[str, float] = {}

    def publish(self, state: State) -> int:
        """Publish events of `dead`; return how many were removed from it, at most 100, and 0 if no topic accepts them.

        A failure is logged, and the next call of the subscriber continues.
        """
        try:
            with acting_for(state.owner):
                return self._publish(state)
        except (Problem, StoreError) as e:
            _logger.warning(
                "dead letters of %s were not published, the next call tries again: %s: %s",
                state.name,
                type(e).__name__,
                e,
            )
            return 0

    def _publish(self, state: State) -> int:
        routes = _Routes(state, self._topics)
        removable = routes.removable()
        if routes.refusals:
            self._log_refusals(state.name, routes)
        if not removable:
            return 0
        letters: dict[Topic, list[_Letter]] = {}
        lost: set[int] = set()
        locations = [(dead.topic, dead.partition, dead.seq) for dead, topic in removable if topic is not None]
        batches = self._reader.fetch(dict.fromkeys(locations))
        for dead, topic in removable:
            batch = batches.get((dead.topic, dead.partition, dead.seq))
            if topic is None:
                continue
            if batch is None:
                lost.add(dead.death)
            else:
                letters.setdefault(topic, []).append((dead, _letter(state.name, dead, batch)))
        for topic, of_topic in letters.items():
            for portion in _portions(of_topic):
                self._publish_to(topic, f"/subscribers/{state.name}", portion)
        deaths = {dead.death for dead, _ in removable}
        dropped = {dead.death for dead, topic in removable if topic is None}
        return len(removable) if self._remove(state, deaths, lost, dropped) else 0

    def _publish_to(self, topic: Topic, publisher: str, letters: Sequence[_Letter]) -> None:
        try:
            self._append(topic, publisher, [letter for _, letter in letters], min(one.at for one, _ in letters))
        except Problem as e:
            if e.status == 422 and len(letters) == 1:
                return  # an earlier try has published it, with another reason
            if e.status not in (413, 422) or len(letters) == 1:
                raise
            for letter in letters:
                self._publish_to(topic, publisher, [letter])

    def _remove(self, published: State, deaths: set[int], lost: set[int], dropped: set[int]) -> bool:
        """Remove deaths from `dead`, and count the lost and dropped; returns whether the update is known to be stored.

        Deaths of a later life of the subscriber's name have the same numbers, and stay.
        """
        subscriber = published.name
        for _ in attempts(self._runtime, _MAX_TRIES):
            doc = self._store.get_many([subscriber_path(subscriber)]).docs[0]
            if doc is None or not self._same_life(published, doc):
                return False
            state = State.read(doc)
            gone = [one for one in state.dead if one.death in deaths]
            for one in gone:
                if one.death in lost and one.topic in state.subscriptions:
                    state.count_lost(one.topic, 1)
                elif one.death in dropped and one.topic in state.subscriptions:
                    state.count_dropped(one)
            state.dead = [one for one in state.dead if one.death not in deaths]
            if replace(self._store, doc, state.fields()):
                _say_dropped(subscriber, [one for one in gone if one.death in dropped])
                return True
        return False

    def _same_life(self, published: State, doc: Doc) -> bool:
        """Whether a document is of the life of the subscriber's name whose dead letters were published."""
        return doc.created == published.created

    def _log_refusals(self, subscriber: str, routes: _Routes) -> None:
        """Log which dead letters are refused, at most once per `_LOG_INTERVAL_S` and subscriber."""
        now = self._runtime.monotonic()
        if now - self._logged_at.get(subscriber, -_LOG_INTERVAL_S) < _LOG_INTERVAL_S:
            return
        if len(self._logged_at) >= _MAX_REMEMBERED:
            self._logged_at.clear()
        self._logged_at[subscriber] = now
        for topic, count in routes.refusals.items():
            _logger.warning("%d dead letters of %s cannot be published: %s", count, subscriber, routes.problems[topic])


class _Routes:
    """Finds the dead-letter topic of each dead event. Events that died in a dead-letter topic have none and are dropped."""

    def __init__(self, state: State, topics: Topics) -> None:
        self._state = state
        self._topics = topics
        #: by name: topics in which events died, and topics that were asked to accept dead letters
        self._sources: dict[str, Topic | None] = {}
        self._destinations: dict[str, Topic | None] = {}
        #: by topic: why it accepts no dead letters of this subscriber, and how many it refused
        self.problems: dict[str, Problem] = {}
        self.refusals: Counter[str] = Counter()

    def removable(self) -> list[tuple[Dead, Topic | None]]:
        """Return the first 100 dead events that can be removed, each with its dead-letter topic; None if it is dropped."""
        found: list[tuple[Dead, Topic | None]] = []
        for dead in self._state.dead:
            if len(found) == _MAX_PER_CALL:
                break
            if dead.topic not in self._sources:
                self._sources[dead.topic] = self._topics.get(dead.topic)
            source = self._sources[dead.topic]
            if source is not None and source.dead_letter:
                found.append((dead, None))
                continue
            topic = self._destination(dead)
            if topic is not None:
                found.append((dead, topic))
        return found

    def _destination(self, dead: Dead) -> Topic | None:
        """Return the dead-letter topic that was set when the event died, or, if that refuses, the one that is set now."""
        names = [dead.dead_letter_topic]
        subscription = self._state.subscriptions.get(dead.topic)
        if subscription is not None:
            names.append(self._state.settings_of(subscription).dead_letter_topic or dead_letters_of(self._state.name))
        for name in names:
            if name not in self._destinations:
                self._destinations[name] = self._register(name)
            topic = self._destinations[name]
            if topic is not None:
                return topic
        self.refusals[dead.dead_letter_topic] += 1
        return None

    def _register(self, name: str) -> Topic | None:
        try:
            return self._topics.register_dead_letter(name, self._state.name)
        except (Conflict, Forbidden) as e:
            self.problems[name] = e
            return None


def _portions(letters: Sequence[_Letter]) -> Iterator[list[_Letter]]:
    """Split dead letters into portions of at most `_APPEND_BYTES`, as for one request to publish."""
    portion: list[_Letter] = []
    size = 0
    for letter in letters:
        size += len(letter[1].line)
        if portion and size > _APPEND_BYTES:
            yield portion
            portion, size = [], len(letter[1].line)
        portion.append(letter)
    yield portion


def _say_dropped(subscriber: str, dropped: Sequence[Dead]) -> None:
    for topic, count in Counter(dead.topic for dead in dropped).items():
        _logger.warning(
            "dropped %d events of the dead-letter topic %s that failed %s for the last time: they get no dead letters",
            count,
            topic,
            subscriber,
        )


def _letter(subscriber: str, dead: Dead, batch: Batch) -> Entry:
    redriven = batch.publisher_of(dead.offset) == redriver_of(subscriber)
    return dead_letter(subscriber, dead, batch.lines()[dead.offset], redriven=redriven)
