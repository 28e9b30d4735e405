"""Retention: batches older than their topic keeps them are deleted, oldest first.

The trim point moves first, then the batches go, then `swept` follows; so a run that was killed in between is finished by the
next one, and a reader that misses a batch finds out why. The last batch always stays: it says where the log goes on.
"""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.batch import check_format
from pubsubservice.names import FORMAT, batch_path, batches, log_path, seq_of
from pubsubservice.store import Changed, Doc, Exists, Store, Unknown

__all__ = ["Expire", "Expired"]

#: batches judged by one read
_PAGE = 100


class Expired(NamedTuple):
    """What one run did."""

    topics: int
    batches: int
    #: a bound on the run's work was met before everything was looked at
    more: bool


class Expire:
    """Deletes what topics no longer keep; raises StoreError, after which the next run goes on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, max_batches: int) -> Expired:
        """Go over all topics, deleting at most `max_batches` batches."""
        topics = deleted = 0
        after: str | None = None
        while True:
            page = self._store.list("topics", after=after, limit=_PAGE, fields=("format", "partitions", "retention_s"))
            for doc in page.docs:
                check_format(doc)
                after = doc.path.rpartition("/")[2]
                topics += 1
                for partition in range(int(doc.data["partitions"] or 1)):
                    retention_us = int(doc.data["retention_s"] or 0) * 1_000_000
                    done, more = self.expire_log(after, partition, retention_us, max_batches - deleted)
                    deleted += done
                    if more:
                        return Expired(topics, deleted, more=True)
            if len(page.docs) < _PAGE:
                return Expired(topics, deleted, more=False)

    def expire_log(self, topic: str, partition: int, retention_us: int, max_batches: int) -> tuple[int, bool]:
        """Delete a log's batches older than `retention_us`; returns how many, and whether a bound or another run stopped it.

        Age is read time minus create time: both are the store's.
        """
        path = log_path(topic, partition)
        log = self._store.get_many([path]).docs[0]
        trim, swept = 0, 0
        if log is not None:
            check_format(log)
            trim, swept = int(log.data["trim"] or 0), int(log.data["swept"] or 0)
        deleted = self._sweep(topic, partition, swept, trim)
        old, more = self._old_batches(topic, partition, trim, retention_us, max_batches)
        if old:
            log = self._move(path, log, trim + old, swept=trim)
            if log is None:
                return deleted, True  # another run is at it, or the answer was lost: the next run goes on from there
            deleted += self._sweep(topic, partition, trim, trim + old)
            trim += old
        if deleted and log is not None:
            self._move(path, log, trim, swept=trim)
        return deleted, more

    def _old_batches(
        self, topic: str, partition: int, trim: int, retention_us: int, max_batches: int
    ) -> tuple[int, bool]:
        """How many batches past the trim point are too old, counting no further than `max_batches`."""
        tail = self._store.list(batches(topic, partition), limit=1, fields=("format",))
        last = seq_of(tail.docs[0].path) if tail.docs else 0
        old = 0
        while trim + old + 1 < last:
            if old >= max_batches:
                return old, True
            seqs = range(trim + old + 1, min(trim + old + _PAGE, last - 1, trim + max_batches) + 1)
            reads = self._store.get_many([batch_path(topic, partition, seq) for seq in seqs], fields=("format",))
            for doc, time in zip(reads.docs, reads.times, strict=True):
                if doc is None or time - doc.created < retention_us:
                    return old, False
                check_format(doc)
                old += 1
        return old, False

    def _move(self, path: str, log: Doc | None, trim: int, swept: int) -> Doc | None:
        """Write the log document if it is still as it was read; None when that is not certain."""
        data = {"format": FORMAT, "trim": trim, "swept": swept}
        try:
            if log is None:
                time = self._store.create(path, data)
                return Doc(path, data, time, time)
            return Doc(path, data, log.created, self._store.update(path, data, log.updated))
        except (Exists, Changed, Unknown):
            return None

    def _sweep(self, topic: str, partition: int, swept: int, trim: int) -> int:
        """Delete the batches in (swept, trim]; returns how many."""
        for low in range(swept, trim, _PAGE):
            seqs = range(low + 1, min(low + _PAGE, trim) + 1)
            self._store.delete([batch_path(topic, partition, seq) for seq in seqs])
        return trim - swept
