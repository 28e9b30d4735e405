"""Dead letters: what has died is published to its dead-letter topic, then leaves the state's `dead`.

Each step is safe to be taken again by whoever comes next: the dead letter's identity is made of the event's place and the
number of the death, and it is looked for from the time of the death on, however long ago that is.

What no topic takes stays in `dead`, for as long as it has to: a topic that takes the events of publishers, or is another
identity's, is never made one for dead letters.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from pubsubservice.core.names import dead_letters_of, redriver_of
from pubsubservice.core.ownership import acting_for
from pubsubservice.core.problems import Conflict, Forbidden, Problem
from pubsubservice.core.retry import attempts
from pubsubservice.core.runtime import Runtime
from pubsubservice.delivery.letters import dead_letter
from pubsubservice.delivery.reader import Reader
from pubsubservice.events.entry import Entry
from pubsubservice.log.batch import Batch
from pubsubservice.log.topics import Topic, Topics
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Store, StoreError
from pubsubservice.storage.replace import replace
from pubsubservice.subscribers.records import Dead
from pubsubservice.subscribers.state import State

__all__ = ["DeadLetters"]

_logger = logging.getLogger("pubsubservice.delivery")

#: dead letters that one call publishes at most, and bytes of those that are appended together
_AT_ONCE = 100
_TOGETHER_BYTES = 4 * 1024 * 1024
_MAX_TRIES = 5
#: a subscriber whose dead letters no topic takes has a line in the log so often, seconds
_SAY_AGAIN_S = 60.0
#: subscribers whose line is remembered
_MAX_SAID = 1_000

#: appends (topic, publisher, entries, since): like a publish, but what was appended since is found however long ago that is
AppendLetters = Callable[[Topic, str, list[Entry], int], object]
_Letter = tuple[Dead, Entry]


class DeadLetters:
    """Publishes what has died."""

    def __init__(self, store: Store, runtime: Runtime, topics: Topics, reader: Reader, append: AppendLetters) -> None:
        self._store = store
        self._runtime = runtime
        self._topics = topics
        self._reader = reader
        self._append = append
        #: when the log was last told of what stays with a subscriber, by this process's clock
        self._said: dict[str, float] = {}

    def publish(self, state: State) -> int:
        """Go on with what is in `dead`; returns how many left it, at most 100: none if no topic takes them.

        A failure is logged, and the next call of this subscriber goes on.
        """
        try:
            with acting_for(state.owner):
                return self._publish(state)
        except (Problem, StoreError) as e:
            _logger.warning("the dead letters of %s wait: %s: %s", state.name, type(e).__name__, e)
            return 0

    def _publish(self, state: State) -> int:
        routes = _Routes(state, self._topics)
        taken = routes.taken()
        if routes.refusals:
            self._say(state.name, routes)
        if not taken:
            return 0
        letters: dict[Topic, list[_Letter]] = {}
        lost: set[int] = set()
        places = [(one.topic, one.partition, one.seq) for one, topic in taken if topic is not None]
        batches = self._reader.fetch(dict.fromkeys(places))
        for one, topic in taken:
            batch = batches.get((one.topic, one.partition, one.seq))
            if topic is None:
                continue
            if batch is None:
                lost.add(one.death)
            else:
                letters.setdefault(topic, []).append((one, _letter(state.name, one, batch)))
        for topic, together in letters.items():
            for some in _portions(together):
                self._publish_to(topic, f"/subscribers/{state.name}", some)
        deaths = {one.death for one, _ in taken}
        dropped = {one.death for one, topic in taken if topic is None}
        return len(taken) if self._remove(state.name, deaths, lost, dropped) else 0

    def _publish_to(self, topic: Topic, publisher: str, letters: Sequence[_Letter]) -> None:
        try:
            self._append(topic, publisher, [letter for _, letter in letters], min(one.at for one, _ in letters))
        except Problem as e:
            if e.status == 422 and len(letters) == 1:
                return  # it is there, from a try before, with another reason
            if e.status not in (413, 422) or len(letters) == 1:
                raise
            for letter in letters:
                self._publish_to(topic, publisher, [letter])

    def _remove(self, subscriber: str, deaths: set[int], lost: set[int], dropped: set[int]) -> bool:
        """Take these out of `dead`, and count them; whether that is surely done."""
        for _ in attempts(self._runtime, _MAX_TRIES):
            doc = self._store.get_many([subscriber_path(subscriber)]).docs[0]
            if doc is None:
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

    def _say(self, subscriber: str, routes: _Routes) -> None:
        """Tell the log what stays, now and then."""
        now = self._runtime.monotonic()
        if now - self._said.get(subscriber, -_SAY_AGAIN_S) < _SAY_AGAIN_S:
            return
        if len(self._said) >= _MAX_SAID:
            self._said.clear()
        self._said[subscriber] = now
        for topic, count in routes.refusals.items():
            _logger.warning("%d dead letters of %s stay with it: %s", count, subscriber, routes.problems[topic])


class _Routes:
    """Where the dead of a subscriber go: into a dead-letter topic, nowhere from one, or nowhere yet."""

    def __init__(self, state: State, topics: Topics) -> None:
        self._state = state
        self._topics = topics
        #: by name, the topics that were looked at
        self._sources: dict[str, Topic | None] = {}
        self._takers: dict[str, Topic | None] = {}
        #: why a topic takes no dead letters of this subscriber, and how many it should
        self.problems: dict[str, Problem] = {}
        self.refusals: Counter[str] = Counter()

    def taken(self) -> list[tuple[Dead, Topic | None]]:
        """The first that can leave, with their dead-letter topic; None if they died in one, and are dropped."""
        found: list[tuple[Dead, Topic | None]] = []
        for one in self._state.dead:
            if len(found) == _AT_ONCE:
                break
            if one.topic not in self._sources:
                self._sources[one.topic] = self._topics.get(one.topic)
            source = self._sources[one.topic]
            if source is not None and source.dead_letter:
                found.append((one, None))
                continue
            topic = self._taker(one)
            if topic is not None:
                found.append((one, topic))
        return found

    def _taker(self, dead: Dead) -> Topic | None:
        """The topic that was named when the event died; the one that is named now, if that takes none."""
        names = [dead.dead_letter_topic]
        subscription = self._state.subscriptions.get(dead.topic)
        if subscription is not None:
            names.append(self._state.settings_of(subscription).dead_letter_topic or dead_letters_of(self._state.name))
        for name in names:
            if name not in self._takers:
                self._takers[name] = self._ask(name)
            topic = self._takers[name]
            if topic is not None:
                return topic
        self.refusals[dead.dead_letter_topic] += 1
        return None

    def _ask(self, name: str) -> Topic | None:
        try:
            return self._topics.register_dead_letter(name, self._state.name)
        except (Conflict, Forbidden) as e:
            self.problems[name] = e
            return None


def _portions(letters: Sequence[_Letter]) -> Iterator[list[_Letter]]:
    """What is appended together: as much as a request may have."""
    some: list[_Letter] = []
    size = 0
    for letter in letters:
        size += len(letter[1].line)
        if some and size > _TOGETHER_BYTES:
            yield some
            some, size = [], len(letter[1].line)
        some.append(letter)
    yield some


def _say_dropped(subscriber: str, dropped: Sequence[Dead]) -> None:
    for topic, count in Counter(one.topic for one in dropped).items():
        _logger.warning(
            "%d events of the dead-letter topic %s failed %s for the last time and are dropped: they have no dead letters",
            count,
            topic,
            subscriber,
        )


def _letter(subscriber: str, dead: Dead, batch: Batch) -> Entry:
    redriven = batch.publisher_of(dead.offset) == redriver_of(subscriber)
    return dead_letter(subscriber, dead, batch.lines()[dead.offset], redriven=redriven)
