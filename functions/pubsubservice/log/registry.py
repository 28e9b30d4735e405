"""The registry of topics: a log of topic names that never expires, for subscribers that follow patterns.

A topic's record is appended before the topic's first batch. So a subscriber that has read the registry up to a store time
knows every topic that has an event of that time or earlier. A topic may have several records: only the first one counts.

The registry is simpler than a topic's log: records are never deleted, so a record found at the next id is the next record.
"""

from __future__ import annotations

from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.optimistic import attempts
from pubsubservice.storage.paths import batch_id, seq_of
from pubsubservice.storage.port import Doc, Exists, Refused, Store, Unknown

__all__ = ["Registry", "record_path", "recorded_topic"]

#: record ids count down like batch ids: the newest record is the first of the collection
_RECORDS = "registry/0/batches"


def record_path(seq: int) -> str:
    """Return the path of record number `seq` (1, 2, …)."""
    return f"{_RECORDS}/{batch_id(seq)}"


def recorded_topic(record: Doc) -> str:
    """Return the topic that a record names; raises Unavailable for a newer format."""
    check_format(record)
    return str(record.data["topic"])


class Registry:
    """Appends to the registry, and reads its tail, for one process."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        #: number of the newest record that this process knows of; None if it must read the tail first
        self._tail: int | None = None

    def tail(self) -> tuple[int, int]:
        """Return the number of the newest record (0 if the registry is empty), and the read time, µs. One read."""
        page = self._store.list(_RECORDS, limit=1)
        self._tail = seq_of(page.docs[0].path) if page.docs else 0
        return self._tail, page.time

    def append(self, topic: str) -> None:
        """Append the record of a topic; when this returns, the record is stored. Raises Unavailable, StoreError."""
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
        """Whether record number `seq` exists and names this topic, no matter which process wrote it."""
        record = self._store.get_many([record_path(seq)]).docs[0]
        return record is not None and recorded_topic(record) == topic
