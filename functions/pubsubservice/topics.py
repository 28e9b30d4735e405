"""Topics and publishers: made when first used, and remembered by each process."""

from __future__ import annotations

from typing import Any, NamedTuple

from pubsubservice.batch import check_format
from pubsubservice.names import FORMAT, publisher_path, topic_path
from pubsubservice.ownership import check_owner, may_use, new_owner
from pubsubservice.problems import BadRequest, Conflict, Unavailable
from pubsubservice.runtime import Runtime
from pubsubservice.settings import Settings
from pubsubservice.store import Changed, Doc, Exists, Fields, Store, Unknown, Value

__all__ = ["Topic", "Topics"]

MAX_PARTITIONS = 1_000
_MAX_TRIES = 10
#: names of publishers and topics that a process remembers to exist
_MAX_REMEMBERED = 100_000


class Topic(NamedTuple):
    """A topic's configuration."""

    name: str
    #: logs it is made of, fixed at creation
    partitions: int
    #: how long an event is kept at least, seconds
    retention_s: int

    def as_json(self) -> dict[str, Any]:
        """The topic as the wire shows it."""
        return {"topic": self.name, "partitions": self.partitions, "retention_s": self.retention_s}


class Topics:
    """The topics and publishers of a store, as one process knows them."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        #: partitions never change, so they may be remembered for good
        self._partitions: dict[str, int] = {}
        #: the publishers that are registered, and whose each is
        self._publishers: dict[str, Value] = {}

    def partitions(self, topic: str) -> int | None:
        """How many partitions a topic has, if this process has met it."""
        return self._partitions.get(topic)

    def get(self, topic: str) -> Topic | None:
        """Read a topic's configuration, or None if it does not exist."""
        doc = self._store.get_many([topic_path(topic)]).docs[0]
        return None if doc is None else self.met(topic, doc)

    def met(self, topic: str, doc: Doc) -> Topic:
        """Take a topic's configuration from its document, and remember it."""
        check_format(doc)
        found = Topic(topic, int(doc.data["partitions"] or 1), int(doc.data["retention_s"] or 0))
        if len(self._partitions) >= _MAX_REMEMBERED:
            self._partitions.clear()
        self._partitions[topic] = found.partitions
        return found

    def ensure(self, topic: str) -> int:
        """The partitions of a topic, which is created when it does not exist."""
        return self._partitions.get(topic) or self.register(topic)[0].partitions

    def register(self, topic: str, partitions: int | None = None, retention_s: int | None = None) -> tuple[Topic, bool]:
        """Get or create a topic; says whether it was created.

        It is the caller's when created; other settings than it has are for its owner to ask for (Forbidden).
        Raises Conflict (409) for other partitions than it has, BadRequest for values out of range, Unavailable.
        """
        self._check(partitions, retention_s)
        path = topic_path(topic)
        for tries in range(_MAX_TRIES):
            doc = self._store.get_many([path]).docs[0]
            created = doc is None
            try:
                if doc is None:
                    # `listed` says whether the registry of topics holds it, which wildcards will read
                    data: Fields = {
                        "format": FORMAT,
                        "partitions": partitions or 1,
                        "retention_s": retention_s or self._settings.retention_s,
                        "listed": False,
                        "owner": new_owner(),
                    }
                    time = self._store.create(path, data)
                    return self.met(topic, Doc(path, data, time, time)), created
                found = self.met(topic, doc)
                if partitions not in (None, found.partitions) or retention_s not in (None, found.retention_s):
                    check_owner("topic", topic, doc.data.get("owner"))
                if partitions not in (None, found.partitions):
                    raise Conflict(
                        "partitions_fixed",
                        f"The topic {topic!r} has {found.partitions} partitions, fixed when it was created; got {partitions}.",
                    )
                if retention_s in (None, found.retention_s):
                    return found, created
                self._store.update(path, {**doc.data, "retention_s": retention_s}, doc.updated)
            except (Exists, Changed, Unknown):
                self._runtime.sleep(self._runtime.random() * 0.01 * 2**tries)
        raise Unavailable("contended", f"The topic {topic!r} could not be registered now; try again.")

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
            owner: Value = new_owner()
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
