"""A process's cache of batches: a batch that several subscribers read is read from the store once."""

from __future__ import annotations

from collections import OrderedDict

from pubsubservice.core.runtime import Runtime
from pubsubservice.log.batch import Batch

__all__ = ["BatchCache"]


class BatchCache:
    """Least recently used cache of batches by path, bounded in stored bytes. Thread-safe.

    A batch never changes, so a cached one stays correct. Whether it is still part of the log, the reader decides, as for a
    batch just read from the store.
    """

    def __init__(self, runtime: Runtime, max_bytes: int) -> None:
        self._lock = runtime.new_lock()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._batches: OrderedDict[str, Batch] = OrderedDict()

    def get(self, path: str) -> Batch | None:
        """Return the batch at a path, or None if it is not cached."""
        with self._lock:
            found = self._batches.get(path)
            if found is not None:
                self._batches.move_to_end(path)
            return found

    def put(self, path: str, batch: Batch) -> None:
        """Add a batch, and evict the least recently used batches above the limit."""
        with self._lock:
            old = self._batches.pop(path, None)
            self._bytes += batch.stored_bytes - (old.stored_bytes if old else 0)
            self._batches[path] = batch
            while self._bytes > self._max_bytes:
                _, dropped = self._batches.popitem(last=False)
                self._bytes -= dropped.stored_bytes
