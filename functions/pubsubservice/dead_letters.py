"""Dead letters: what has died is published to its dead-letter topic, then leaves the state's `dead`.

Each step is safe to be taken again by whoever comes next: the dead letter's identity is made of the event's place and the
number of the death, and it is looked for from the time of the death on, however long ago that is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from pubsubservice.events import Entry
from pubsubservice.names import identity, subscriber_path
from pubsubservice.problems import Problem
from pubsubservice.reader import Reader
from pubsubservice.runtime import Runtime, back_off
from pubsubservice.state import State, written
from pubsubservice.store import Store, StoreError
from pubsubservice.subscriber import Dead
from pubsubservice.topics import Topics

__all__ = ["DeadLetters", "dead_letter"]

_logger = logging.getLogger(__name__)

#: dead letters that one call publishes at most
_AT_ONCE = 100
_MAX_TRIES = 5

#: appends (topic, publisher, entries, since): like a publish, but what was appended since is found however long ago that is
AppendLetters = Callable[[str, str, list[Entry], int], object]

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class DeadLetters:
    """Publishes what has died.

    Args:
        append: puts events into a dead-letter topic, which it makes when needed
    """

    def __init__(self, store: Store, runtime: Runtime, topics: Topics, reader: Reader, append: AppendLetters) -> None:
        self._store = store
        self._runtime = runtime
        self._topics = topics
        self._reader = reader
        self._append = append

    def publish(self, state: State) -> bool:
        """Go on with what is in `dead`, and say whether there is more; a failure is logged, and the next call goes on."""
        try:
            dead = state.dead[:_AT_ONCE]
            lost = self._publish(state.name, dead)
            self._remove(state.name, {one.death for one in dead}, lost)
        except (Problem, StoreError) as e:
            _logger.warning("the dead letters of %s wait: %s: %s", state.name, type(e).__name__, e)
            return False
        return len(state.dead) > _AT_ONCE

    def _publish(self, subscriber: str, dead: Sequence[Dead]) -> set[int]:
        """Publish these; returns the deaths of events that retention took meanwhile."""
        ends = [topic for topic in dict.fromkeys(one.topic for one in dead) if self._is_dead_letter_topic(topic)]
        batches = self._reader.fetch(dict.fromkeys((one.topic, one.partition, one.seq) for one in dead))
        letters: dict[str, list[tuple[Dead, Entry]]] = {}
        lost: set[int] = set()
        for one in dead:
            batch = batches.get((one.topic, one.partition, one.seq))
            if batch is None:
                lost.add(one.death)
            elif one.topic not in ends:  # an event that fails in a dead-letter topic is settled there
                letter = dead_letter(subscriber, one, batch.lines()[one.offset])
                letters.setdefault(one.dead_letter_topic, []).append((one, letter))
        for topic, together in letters.items():
            self._publish_to(topic, f"/subscribers/{subscriber}", together)
        return lost

    def _is_dead_letter_topic(self, topic: str) -> bool:
        found = self._topics.get(topic)
        return found is not None and found.dead_letter

    def _publish_to(self, topic: str, publisher: str, letters: list[tuple[Dead, Entry]]) -> None:
        try:
            self._append(topic, publisher, [letter for _, letter in letters], min(one.at for one, _ in letters))
        except Problem as e:
            if e.status == 422 and len(letters) == 1:
                return  # it is there, from a try before, with another reason
            if e.status not in (413, 422):
                raise
            for letter in letters:
                self._publish_to(topic, publisher, [letter])

    def _remove(self, subscriber: str, deaths: set[int], lost: set[int]) -> None:
        for tries in range(_MAX_TRIES):
            doc = self._store.get_many([subscriber_path(subscriber)]).docs[0]
            if doc is None:
                return
            state = State.read(doc)
            for one in state.dead:
                if one.death in lost and one.topic in state.subscriptions:
                    state.count_lost(one.topic, 1)
            state.dead = [one for one in state.dead if one.death not in deaths]
            if written(self._store, state, doc):
                return
            back_off(self._runtime, tries)


def dead_letter(subscriber: str, dead: Dead, line: bytes) -> Entry:
    """The new event that tells of a failed one: its payload and attributes, where it came from, and why it failed."""
    attributes = _attributes.decode(line)
    event_id = f"{dead.topic}/{dead.partition}/{dead.index}/{dead.death}"
    source = f"/subscribers/{subscriber}"
    members = {
        name: value for name, value in attributes.items() if name not in ("redriveof", "redrivefor")
    }  # it is for whoever reads dead letters, not for one subscriber
    members |= {
        "id": _raw(event_id),
        "source": _raw(source),
        "originalid": attributes["id"],
        "originalsource": attributes["source"],
        "originaltopic": _raw(dead.topic),
        "reason": _raw(dead.reason),
        "attempts": _raw(dead.attempts),
    }
    publisher = source  # no publisher can be named so
    return Entry(event_id, source, identity(publisher, source, event_id), _encode(members))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
