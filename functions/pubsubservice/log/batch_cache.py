"""Batches that a process keeps: one that several subscribers read is read from the store once."""

from __future__ import annotations

from collections import OrderedDict

from pubsubservice.core.runtime import Runtime
from pubsubservice.log.batch import Batch

__all__ = ["BatchCache"]


class BatchCache:
    """Batches lately seen by this process, bounded in bytes: several subscribers read a batch, the store serves it once.

    A batch never changes, so what is here is right for good; whether its *place* is still part of the log is for the
    reader to judge, as with one just read.
    """

    def __init__(self, runtime: Runtime, max_bytes: int) -> None:
        self._lock = runtime.new_lock()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._batches: OrderedDict[str, Batch] = OrderedDict()

    def get(self, path: str) -> Batch | None:
        """The batch at a path, if it is here."""
        with self._lock:
            found = self._batches.get(path)
            if found is not None:
                self._batches.move_to_end(path)
            return found

    def put(self, path: str, batch: Batch) -> None:
        """Keep a batch; the least recently used make room."""
        with self._lock:
            old = self._batches.pop(path, None)
            self._bytes += batch.stored_bytes - (old.stored_bytes if old else 0)
            self._batches[path] = batch
            while self._bytes > self._max_bytes:
                _, dropped = self._batches.popitem(last=False)
                self._bytes -= dropped.stored_bytes
