"""Topics and publishers: made when first used, and remembered by each process."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from pubsubservice.core.names import dead_letters_of
from pubsubservice.core.ownership import acting_for, check_owner, may_use
from pubsubservice.core.problems import BadRequest, Conflict, Unavailable
from pubsubservice.core.retry import attempts
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.log.claims import claim
from pubsubservice.log.registry import Registry
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.paths import publisher_path, topic_path
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Store, Unknown, Value

__all__ = ["Topic", "Topics"]

MAX_PARTITIONS = 1_000
#: names of publishers and topics that a process remembers to exist
_MAX_REMEMBERED = 100_000


class Topic(NamedTuple):
    """A topic's configuration."""

    name: str
    #: logs it is made of, fixed at creation
    partitions: int
    #: how long an event is kept at least, seconds
    retention_s: int
    #: the registry of topics has it
    listed: bool
    #: it takes dead letters, from its beginning: no pattern matches it, and an event that fails in it is dropped
    dead_letter: bool = False
    #: whose it is
    owner: Value = None

    @property
    def ready(self) -> bool:
        """Whether it may take batches: those who follow patterns must know of it before."""
        return self.listed or self.dead_letter

    def as_json(self) -> dict[str, Any]:
        """The topic as the wire shows it."""
        return {"topic": self.name, "partitions": self.partitions, "retention_s": self.retention_s}


class Topics:
    """The topics and publishers of a store, as one process knows them."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._registry = Registry(store, runtime)
        #: topics as this process met them: partitions never change, and what is ready stays so
        self._known: dict[str, Topic] = {}
        #: the publishers that are registered, and whose each is
        self._publishers: dict[str, Value] = {}

    def partitions(self, topic: str) -> int | None:
        """How many partitions a topic has, if this process has met it."""
        known = self._known.get(topic)
        return known.partitions if known else None

    def get(self, topic: str) -> Topic | None:
        """Read a topic's configuration, or None if it does not exist."""
        doc = self._store.get_many([topic_path(topic)]).docs[0]
        return None if doc is None else self.met(topic, doc)

    def get_many(self, topics: Collection[str]) -> dict[str, Topic]:
        """Read the configuration of those of these topics that exist."""
        names = sorted(topics)
        docs = self._store.get_many([topic_path(name) for name in names]).docs if names else []
        return {name: self.met(name, doc) for name, doc in zip(names, docs, strict=True) if doc is not None}

    def met(self, topic: str, doc: Doc) -> Topic:
        """Take a topic's configuration from its document, and remember it."""
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
        """The partitions of a topic that may take batches: it is created and recorded when it is not.

        Raises as `register`.
        """
        known = self._known.get(topic)
        if known and known.ready and (not known.dead_letter or may_use(known.owner)):
            return known.partitions
        return self.register(topic)[0].partitions

    def check_delay(self, topic: str, delay_s: float) -> None:
        """Refuse a delay over half of what a topic keeps: as much is left to get the event. Raises BadRequest, StoreError."""
        if 2 * delay_s <= self._settings.min_retention_s:
            return
        found = self.get(topic)  # what this process knows may have been changed by another one
        if found is not None and 2 * delay_s > found.retention_s:
            most = f"at most half of the retention of {topic!r}, {found.retention_s / 2:g} s, is expected"
            raise BadRequest(
                "delay_too_long",
                f"delay_s: {most}, so that there is time to get the events when they are due; got {delay_s:g}.",
            )

    def register(
        self, topic: str, partitions: int | None = None, retention_s: int | None = None, *, update: bool = True
    ) -> tuple[Topic, bool]:
        """Get or create a topic; says whether it was created. Once this returns, the registry of topics has it.

        It is the caller's when created, and takes dead letters if it is named `S.dead` for a subscriber S. Other settings than
        it has, and topics that take dead letters, are for their owner. Raises Forbidden, Conflict (409) for other partitions
        than it has, and without `update` for another retention, BadRequest for values out of range, Unavailable.
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
                if not found.ready:  # made just now, or by somebody who was stopped here
                    self._registry.append(topic)
                    changes["listed"] = True
                return (self._change(found.name, doc, changes) if changes else found), created
            except (Exists, Changed, Unknown):
                continue
        raise Unavailable("contended", f"The topic {topic!r} could not be registered now; try again.")

    def register_dead_letter(self, topic: str, subscriber: str = "") -> Topic:
        """Get or create a topic for dead letters of a subscriber.

        Raises Forbidden for another's than the caller's, Conflict (409) for one that takes the events of publishers, which it
        goes on doing: patterns may follow it. Unavailable, StoreError.
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
        """Refuse a topic that a subscriber of this owner names for its dead letters, and that would not take them.

        Raises Forbidden, Conflict (409), StoreError, as `register_dead_letter` would then.
        """
        with acting_for(owner):
            found = self.get(topic)
            if found is not None:
                _check_takes_letters(found, subscriber)
            elif topic != f"{subscriber}.dead":
                claim(self._store, "topic", topic)

    def _create(self, topic: str, partitions: int, retention_s: int, *, dead_letter: bool = False) -> Doc:
        # a letter finds its topic even if that is made of the name of a subscriber who is to come
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
        """Register a publisher unless this process knows that it is."""
        # refused only by what is stored: a name may have been given to another one since
        if name not in self._publishers or not may_use(self._publishers[name]):
            self.register_publisher(name)

    def register_publisher(self, name: str) -> bool:
        """Get or create a publisher, which is the caller's then; says whether it was created. Raises Forbidden."""
        path = publisher_path(name)
        doc = self._store.get_many([path]).docs[0]
        if doc is None:
            owner = claim(self._store, "publisher", name).owner
            try:
                self._store.create(path, {"format": FORMAT, "owner": owner})
            except Exists:  # another request was first, maybe another identity's
                doc = self._store.get_many([path]).docs[0]
        if doc is not None:
            check_format(doc)
            owner = doc.data.get("owner")
            check_owner("publisher", name, owner)
        if len(self._publishers) >= _MAX_REMEMBERED:
            self._publishers.clear()
        self._publishers[name] = owner
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
    """Refuse a topic that is not for dead letters, or not the caller's; S.dead takes those of S whoever it was made by."""
    if not found.dead_letter or found.name != f"{subscriber}.dead":
        check_owner("topic", found.name, found.owner)
    if not found.dead_letter:
        raise Conflict(
            "ordinary_topic",
            f"The topic {found.name!r} takes the events of publishers, and goes on doing so: it cannot take dead letters too. "
            "Name another dead_letter_topic.",
        )


def _check_settings(found: Topic, partitions: int | None, retention_s: int | None) -> None:
    """Refuse what cannot be changed, or not by this caller."""
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
        f"The topic {found.name!r} keeps events for {found.retention_s} s; got {retention_s}. Nothing was changed; ask for an "
        "update to change it.",
    )
