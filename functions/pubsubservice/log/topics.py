"""Registers topics and publishers when they are first used, and caches them in each process."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.ownership import acting_for, check_owner, may_use
from pubsubservice.core.problems import BadRequest, Conflict, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.log.claims import claim
from pubsubservice.log.registry import Registry
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.optimistic import attempts
from pubsubservice.storage.paths import publisher_path, topic_path
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Store, Unknown, Value

__all__ = ["Topic", "Topics"]

MAX_PARTITIONS = 1_000
#: entries of each cache (topics, publishers) before it is cleared
_MAX_REMEMBERED = 100_000


class Topic(NamedTuple):
    """A topic's configuration."""

    name: str
    #: number of logs, fixed at creation
    partitions: int
    #: how long events are kept at least, seconds
    retention_s: int
    #: whether the registry of topics has a record of the topic
    listed: bool
    #: whether it is a dead-letter topic, fixed at creation: no pattern matches it, and an event that fails in it is dropped
    dead_letter: bool = False
    #: owner of the topic's settings; None if everybody may change them
    owner: Value = None

    @property
    def ready(self) -> bool:
        """Whether the topic may take batches: subscribers that follow patterns must be able to find it first."""
        return self.listed or self.dead_letter

    def as_json(self) -> dict[str, Any]:
        """Return the topic as responses show it."""
        return {"topic": self.name, "partitions": self.partitions, "retention_s": self.retention_s}


class Topics:
    """The topics and publishers of a store, with one process's caches of them."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._registry = Registry(store, runtime)
        #: topics as this process last read them: partitions never change, and a ready topic stays ready
        self._known: dict[str, Topic] = {}
        #: registered publishers: the owner of each, and until when this process trusts that, by its own clock
        self._publishers: dict[str, tuple[Value, float]] = {}

    def partitions(self, topic: str) -> int | None:
        """Return the partitions of a topic from the cache, or None if this process has not read it yet."""
        known = self._known.get(topic)
        return known.partitions if known else None

    def get(self, topic: str) -> Topic | None:
        """Read a topic's configuration; None if the topic does not exist."""
        doc = self._store.get_many([topic_path(topic)]).docs[0]
        return None if doc is None else self.met(topic, doc)

    def get_many(self, topics: Collection[str]) -> dict[str, Topic]:
        """Read the configurations of topics; the result lacks topics that do not exist."""
        names = sorted(topics)
        docs = self._store.get_many([topic_path(name) for name in names]).docs if names else []
        return {name: self.met(name, doc) for name, doc in zip(names, docs, strict=True) if doc is not None}

    def get_fixed(self, topics: Collection[str]) -> dict[str, Topic]:
        """Like `get_many`, but reads only topics that this process has not met: partitions and kind never change."""
        known = {name: found for name in topics if (found := self._known.get(name)) is not None}
        return {**known, **self.get_many([name for name in topics if name not in known])}

    def met(self, topic: str, doc: Doc) -> Topic:
        """Return a topic's configuration from its document, and cache it. Raises Unavailable for a newer format."""
        check_format(doc)
        found = Topic(
            topic,
            int(doc.data["partitions"] or 1),
            int(doc.data["retention_s"] or 0),
            bool(doc.data["listed"]),
            bool(doc.data.get("dead_letter")),
            doc.data.get("owner"),
        )
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[topic] = found
        return found

    def ensure(self, topic: str) -> int:
        """Make a topic ready for batches, registering it if needed, and return its partitions. Raises as `register`."""
        known = self._known.get(topic)
        if known and known.ready and (not known.dead_letter or may_use(known.owner)):
            return known.partitions
        return self.register(topic)[0].partitions

    def check_delay(self, topic: str, delay_s: float) -> None:
        """Refuse a delay longer than half of the topic's retention, so that the other half is left to get the events.

        Raises BadRequest, Unavailable, StoreError.
        """
        if 2 * delay_s <= self._settings.min_retention_s:
            return
        found = self.get(topic)  # not from the cache: another process may have changed the retention
        if found is not None and 2 * delay_s > found.retention_s:
            most = f"at most half of the retention of {topic!r}, {found.retention_s / 2:g} s, is expected"
            raise BadRequest(
                "delay_too_long",
                f"delay_s: {most}, so that there is time to get the events when they are due; got {delay_s:g}.",
            )

    def register(
        self, topic: str, partitions: int | None = None, retention_s: int | None = None, *, update: bool = True
    ) -> tuple[Topic, bool]:
        """Get or create a topic; return it, and whether it was created. When this returns, the topic is ready for batches.

        The caller becomes the owner of a new topic. A new topic named `S.dead` for a subscriber S becomes a dead-letter topic.

        Args:
            partitions: None for the topic's own; 1 for a new topic
            retention_s: None for the topic's own; the default for a new topic
            update: change the retention of an existing topic; otherwise another retention raises Conflict

        Raises BadRequest for values out of range, Conflict (409) for partitions that differ, Forbidden for changes and for
        dead-letter topics unless the caller is the owner, Unavailable, StoreError.
        """
        self._check(partitions, retention_s)
        created = False
        for _ in attempts(self._runtime):
            doc = self._store.get_many([topic_path(topic)]).docs[0]
            try:
                if doc is None:
                    doc = self._create(topic, partitions or 1, retention_s or self._settings.retention_s)
                    created = True
                found = self.met(topic, doc)
                if not update and retention_s not in (None, found.retention_s):
                    raise _differs(found, retention_s)
                _check_settings(found, partitions, retention_s)
                changes: dict[str, Value] = {}
                if retention_s not in (None, found.retention_s):
                    changes["retention_s"] = retention_s
                if not found.ready:  # created just now, or by a process that was stopped before this line
                    self._registry.append(topic)
                    changes["listed"] = True
                return (self._change(found.name, doc, changes) if changes else found), created
            except (Exists, Changed, Unknown):
                continue
        raise Unavailable("contended", f"The topic {topic!r} could not be registered now; try again.")

    def register_dead_letter(self, topic: str, subscriber: str = "") -> Topic:
        """Get or create a dead-letter topic for a subscriber.

        Raises Forbidden for another owner's topic, Conflict (409) for an ordinary topic, Unavailable, StoreError. An ordinary
        topic never becomes a dead-letter topic, because patterns may follow it.
        """
        for _ in attempts(self._runtime):
            doc = self._store.get_many([topic_path(topic)]).docs[0]
            try:
                if doc is None:
                    doc = self._create(topic, 1, self._settings.retention_s, dead_letter=True)
            except (Exists, Unknown):
                continue
            found = self.met(topic, doc)
            _check_takes_letters(found, subscriber)
            return found
        raise Unavailable("contended", f"The topic {topic!r} could not be registered now; try again.")

    def check_dead_letter_topic(self, topic: str, subscriber: str, owner: Value) -> None:
        """Check, on behalf of a subscriber's owner, that a topic may take the subscriber's dead letters. Creates nothing.

        Raises Forbidden, Conflict (409), Unavailable, StoreError, as `register_dead_letter` would later.
        """
        with acting_for(owner):
            found = self.get(topic)
            if found is not None:
                _check_takes_letters(found, subscriber)
            elif topic != f"{subscriber}.dead":
                claim(self._store, "topic", topic)

    def _create(self, topic: str, partitions: int, retention_s: int, *, dead_letter: bool = False) -> Doc:
        # early: a dead-letter topic may be named after a subscriber that is not registered yet
        owner, subscriber = claim(self._store, "topic", topic, early=dead_letter)
        path = topic_path(topic)
        data: Fields = {
            "format": FORMAT,
            "partitions": partitions,
            "retention_s": retention_s,
            "listed": False,
            "dead_letter": dead_letter or (subscriber is not None and topic == dead_letters_of(subscriber)),
            "owner": owner,
        }
        time = self._store.create(path, data)
        return Doc(path, data, time, time)

    def _change(self, topic: str, doc: Doc, changes: Fields) -> Topic:
        data = {**doc.data, **changes}
        return self.met(topic, Doc(doc.path, data, doc.created, self._store.update(doc.path, data, doc.updated)))

    def ensure_publisher(self, name: str) -> None:
        """Register a publisher, unless the cache shows that it is registered and the caller may use it."""
        # the cache alone never refuses a caller, and it is not trusted for long: the publisher may have been removed since,
        # and have another owner by now
        known = self._publishers.get(name)
        if known is None or self._runtime.monotonic() >= known[1] or not may_use(known[0]):
            self.register_publisher(name)

    def forget_publisher(self, name: str) -> None:
        """Forget a publisher whose document was removed: its next publish registers it again."""
        self._publishers.pop(name, None)

    def register_publisher(self, name: str) -> bool:
        """Get or create a publisher; return whether it was created. The caller becomes the owner of a new one.

        Raises Forbidden, Unavailable, StoreError.
        """
        path = publisher_path(name)
        doc = self._store.get_many([path]).docs[0]
        if doc is None:
            owner = claim(self._store, "publisher", name).owner
            try:
                self._store.create(path, {"format": FORMAT, "owner": owner})
            except Exists:  # another request was first, possibly of another identity
                doc = self._store.get_many([path]).docs[0]
        if doc is not None:
            check_format(doc)
            owner = doc.data.get("owner")
            check_owner("publisher", name, owner)
        if len(self._publishers) >= _MAX_REMEMBERED:
            self._publishers.clear()
        self._publishers[name] = (owner, self._runtime.monotonic() + self._settings.safety_window_s)
        return doc is None

    def _check(self, partitions: int | None, retention_s: int | None) -> None:
        if partitions is not None and not 1 <= partitions <= MAX_PARTITIONS:
            raise BadRequest("invalid_request", f"partitions: 1 to {MAX_PARTITIONS} are expected; got {partitions}.")
        if retention_s is not None and not self._settings.min_retention_s <= retention_s <= 10 * 366 * 86_400:
            raise BadRequest(
                "invalid_request",
                f"retention_s: at least {self._settings.min_retention_s} s and at most ten years are expected; "
                f"got {retention_s}.",
            )


def _check_takes_letters(found: Topic, subscriber: str) -> None:
    """Raise Forbidden or Conflict unless a topic may take the dead letters of a subscriber of the caller.

    `S.dead`, if it is a dead-letter topic, takes the dead letters of S no matter which identity registered it.
    """
    if not found.dead_letter or found.name != f"{subscriber}.dead":
        check_owner("topic", found.name, found.owner)
    if not found.dead_letter:
        raise Conflict(
            "ordinary_topic",
            f"The topic {found.name!r} is an ordinary topic: it takes the events of publishers, so it cannot take dead "
            "letters. Name another dead_letter_topic.",
        )


def _check_settings(found: Topic, partitions: int | None, retention_s: int | None) -> None:
    """Raise Conflict for partitions that differ, and Forbidden if the caller may not change or use the topic."""
    changes = partitions not in (None, found.partitions) or retention_s not in (None, found.retention_s)
    if changes or found.dead_letter:
        check_owner("topic", found.name, found.owner)
    if partitions not in (None, found.partitions):
        raise Conflict(
            "partitions_fixed",
            f"The topic {found.name!r} has {found.partitions} partitions, fixed when it was created; got {partitions}.",
        )


def _differs(found: Topic, retention_s: int | None) -> Conflict:
    return Conflict(
        "settings_differ",
        f"The topic {found.name!r} keeps events for {found.retention_s} s; got {retention_s}. Nothing was changed; send "
        '"update": true to change the retention.',
    )
