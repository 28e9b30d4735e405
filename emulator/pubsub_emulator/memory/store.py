"""The storage port in the memory of one process: as fast as a dict, gone with its object.

Every operation holds one lock, and takes its time from one clock under it. So commit times rise strictly, and a read time
covers every commit before the read.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

from pubsub_emulator.document_limits import check_collection, check_document, split
from pubsubservice.core.meter import meter
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Page, Reads, Refused

__all__ = ["MemoryStore"]

#: waits until a condition's predicate holds, at most so many seconds; the caller holds the condition's lock
Wait = Callable[[threading.Condition, Callable[[], bool], float], object]


def _machine_time_us() -> int:
    return time.time_ns() // 1000


class MemoryStore:
    """The storage port (`pubsubservice.storage.port.Store`) in memory. A forked child has a copy of its own.

    Args:
        now: returns the machine's time, µs; while it stands or goes back, commits are 1 µs apart
        wait: waits for documents; by default as `threading.Condition.wait_for`, by the real clock
    """

    def __init__(self, *, now: Callable[[], int] = _machine_time_us, wait: Wait = threading.Condition.wait_for) -> None:
        self._now = now
        self._wait = wait
        #: held during each operation, and notified when a document is created or the store is closed
        self._created = threading.Condition()
        self._time = 0
        self._closed = False
        self._waits_ended = False
        #: all documents by path
        self.documents: dict[str, Doc] = {}
        #: the ids of each collection's documents, in ascending order
        self._ids: dict[str, list[str]] = {}

    # -- the port

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """Read documents by path, all at one moment; None for a missing one."""
        for path in paths:
            split(path)
        with self._created:
            self._check_open()
            read_time = self._read_time()
            docs = [self.documents.get(path) for path in paths]
        meter().bill(reads=len(paths), time=read_time)
        return Reads([doc and _masked(doc, fields) for doc in docs], [read_time] * len(docs))

    def create(self, path: str, data: Fields) -> int:
        """Create a document and return its commit time. Raises Exists if the path is taken."""
        check_document(path, data)
        meter().bill(writes=1)
        with self._created:
            self._check_open()
            commit_time = self._create(path, data)
            self._created.notify_all()
        meter().bill(time=commit_time)
        return commit_time

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """Replace a document and return its new update time. Raises Changed unless the old one is `if_update_time`."""
        check_document(path, data)
        meter().bill(writes=1)
        with self._created:
            self._check_open()
            commit_time = self._update(path, data, if_update_time)
        meter().bill(time=commit_time)
        return commit_time

    def remove(self, path: str, if_update_time: int) -> None:
        """Delete a document. Raises Changed unless its update time is `if_update_time`."""
        meter().bill(deletes=1)
        with self._created:
            self._check_open()
            commit_time = self._remove(path, if_update_time)
        meter().bill(time=commit_time)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete documents; missing ones are no error."""
        once = dict.fromkeys(paths)
        for path in once:
            split(path)
        if not once:
            return
        with self._created:
            self._check_open()
            for path in once:
                self._delete(path)
            commit_time = self._commit_time()
        meter().bill(deletes=len(once), time=commit_time)

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """Return up to `limit` documents of a collection, in order of their ids as UTF-8, from after the id `after`."""
        check_collection(collection)
        with self._created:
            self._check_open()
            read_time = self._read_time()
            docs = self._page(collection, after, limit)
        meter().bill(reads=max(1, len(docs)), time=read_time)
        return Page([_masked(doc, fields) for doc in docs], read_time)

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        """Wait until one of the paths exists, at most `timeout_s` seconds; return whether one does. Nothing is billed."""

        def is_over() -> bool:
            return self._waits_ended or any(path in self.documents for path in paths)

        with self._created:
            self._wait(self._created, is_over, timeout_s)
            return is_over()

    def end_waits(self) -> None:
        """End all waits, now and later, as if they had been told."""
        with self._created:
            self._waits_ended = True
            self._created.notify_all()

    def close(self) -> None:
        """End all waits; later calls raise Refused."""
        self.end_waits()
        with self._created:
            self._closed = True

    # -- the documents; the caller holds the lock

    def _create(self, path: str, data: Fields) -> int:
        collection, name = split(path)
        if path in self.documents:
            raise Exists(path)
        created = self._commit_time()
        insort(self._ids.setdefault(collection, []), name)
        self.documents[path] = Doc(path, dict(data), created, created)
        return created

    def _update(self, path: str, data: Fields, if_update_time: int) -> int:
        split(path)
        old = self.documents.get(path)
        if old is None or old.updated != if_update_time:
            raise Changed(path)
        updated = self._commit_time()
        self.documents[path] = Doc(path, dict(data), old.created, updated)
        return updated

    def _remove(self, path: str, if_update_time: int) -> int:
        split(path)
        old = self.documents.get(path)
        if old is None or old.updated != if_update_time:
            raise Changed(path)
        removed = self._commit_time()
        self._delete(path)
        return removed

    def _delete(self, path: str) -> None:
        if self.documents.pop(path, None) is not None:
            collection, name = split(path)
            ids = self._ids[collection]
            del ids[bisect_left(ids, name)]

    def _page(self, collection: str, after: str | None, limit: int) -> Sequence[Doc]:
        ids = self._ids.get(collection, [])
        # strings compare by code points, in the same order as their UTF-8
        begin = 0 if after is None else bisect_right(ids, after)
        return [self.documents[f"{collection}/{name}"] for name in ids[begin : begin + limit]]

    def _commit_time(self) -> int:
        self._time = max(self._time + 1, self._now())
        return self._time

    def _read_time(self) -> int:
        self._time = max(self._time, self._now())
        return self._time

    def _check_open(self) -> None:
        if self._closed:
            raise Refused("the store is closed")


def _masked(doc: Doc, fields: Sequence[str] | None) -> Doc:
    """Return the document with only these fields."""
    if fields is None:
        return doc
    return doc._replace(data={field: doc.data[field] for field in fields if field in doc.data})
