"""The registry of topics: a log of their names that never expires, for subscribers that follow patterns.

A topic's record is appended before the topic takes its first batch. So whoever has read the registry up to a store time
knows every topic with an event of that time or before. Records may repeat, which is harmless: the first one counts.

It is simpler than a topic's log: ids are never freed, so whatever is found at the next id is its next record for good.
"""

from __future__ import annotations

from pubsubservice.core.problems import Unavailable
from pubsubservice.core.retry import attempts
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.paths import batch_id, seq_of
from pubsubservice.storage.port import Doc, Exists, Refused, Store, Unknown

__all__ = ["Registry", "record_path", "recorded_topic"]

#: ids count down as those of batches do: the newest record is first by name
_RECORDS = "registry/0/batches"


def record_path(seq: int) -> str:
    """The document of record number `seq` (1, 2, …)."""
    return f"{_RECORDS}/{batch_id(seq)}"


def recorded_topic(record: Doc) -> str:
    """The topic that a record names; raises Unavailable for a newer format."""
    check_format(record)
    return str(record.data["topic"])


class Registry:
    """The writing side of the registry in one process."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        #: number of a record that is there, as far as this process knows the newest
        self._tail: int | None = None

    def tail(self) -> tuple[int, int]:
        """The number of the newest record (0 of none), and the store time at which it was the newest, µs; one read."""
        page = self._store.list(_RECORDS, limit=1)
        self._tail = seq_of(page.docs[0].path) if page.docs else 0
        return self._tail, page.time

    def append(self, topic: str) -> None:
        """Record a topic: once this returns, the record is there. Raises Unavailable, StoreError."""
        for _ in attempts(self._runtime):
            seq = (self.tail()[0] if self._tail is None else self._tail) + 1
            try:
                self._store.create(record_path(seq), {"format": FORMAT, "topic": topic})
            except (Exists, Unknown, Refused) as e:
                if isinstance(e, Refused) and not e.busy:
                    raise
                if self._holds(seq, topic):
                    return
                self._tail = None
            else:
                self._tail = seq
                return
        raise Unavailable("contended", f"The topic {topic!r} could not be registered now; try again.")

    def _holds(self, seq: int, topic: str) -> bool:
        """Whether a record is there and names this topic, whoever wrote it."""
        record = self._store.get_many([record_path(seq)]).docs[0]
        return record is not None and recorded_topic(record) == topic
