"""Retention: batches older than their topic keeps them are deleted, oldest first.

The trim point moves first, then the batches go, then `swept` follows; so a run that was killed in between is finished by the
next one, and a reader that misses a batch finds out why. The last batch always stays: it says where the log goes on. So does,
with all behind it, one with an event that was published with a delay, until half of the retention has passed since that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pubsubservice.log.batch import last_due
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.format import FORMAT, check_format
from pubsubservice.storage.paths import batch_path, batches, log_path, seq_of
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Store, Unknown

__all__ = ["Expire", "Expired"]

#: logs that one run looks at, unless a topic alone has more
MAX_LOGS = 1_000
#: batches judged by one read, and topics listed by one
_PAGE = 100
_BATCH_FIELDS = ("format", "first", "count", "origins")
_TOPIC_FIELDS = ("format", "partitions", "retention_s", "listed", "dead_letter")


class Expired(NamedTuple):
    """What one run did."""

    topics: int
    batches: int
    #: a bound on the run's work was met before everything was looked at
    more: bool
    #: behind which topic the next run goes on; empty for the first one
    after: str = ""


class Expire:
    """Deletes what topics no longer keep; raises StoreError, after which the next run goes on.

    Args:
        record: puts a topic into the registry that its maker left out of it, stopped in the middle
    """

    def __init__(self, store: Store, record: Callable[[str], object]) -> None:
        self._store = store
        self._record = record

    def run(self, max_batches: int, after: str = "") -> Expired:
        """Go over the topics behind `after`; at most `max_batches` batches are deleted, and `MAX_LOGS` logs looked at."""
        topics = logs = deleted = 0
        while True:
            page = self._store.list("topics", after=after or None, limit=_PAGE, fields=_TOPIC_FIELDS)
            for doc in page.docs:
                check_format(doc)
                topic, partitions = doc.path.rpartition("/")[2], int(doc.data["partitions"] or 1)
                if logs and logs + partitions > MAX_LOGS:
                    return Expired(topics, deleted, more=True, after=after)
                logs += partitions
                if not (doc.data["listed"] or doc.data.get("dead_letter")):
                    self._record(topic)
                topics += 1
                for partition in range(partitions):
                    retention_us = int(doc.data["retention_s"] or 0) * 1_000_000
                    done, more = self.expire_log(topic, partition, retention_us, max_batches - deleted)
                    deleted += done
                    if more:
                        return Expired(topics, deleted, more=True, after=after)
                after = topic
            if len(page.docs) < _PAGE:
                return Expired(topics, deleted, more=False)

    def expire_log(self, topic: str, partition: int, retention_us: int, max_batches: int) -> tuple[int, bool]:
        """Delete a log's batches older than `retention_us`; returns how many, and whether a bound or another run stopped it.

        Age is read time minus create time: both are the store's.
        """
        path = log_path(topic, partition)
        log = self._store.get_many([path]).docs[0]
        point = TrimPoint.read(log)
        swept = int(log.data["swept"] or 0) if log else 0
        deleted = self._sweep(topic, partition, swept, point.seq)
        cut, more = self._cut(topic, partition, point, retention_us, max_batches)
        if cut != point:
            log = self._move(path, log, cut, swept=point.seq)
            if log is None:
                return deleted, True  # another run is at it, or the answer was lost: the next run goes on from there
            deleted += self._sweep(topic, partition, point.seq, cut.seq)
        if deleted and log is not None:
            self._move(path, log, cut, swept=cut.seq)
        return deleted, more

    def _cut(
        self, topic: str, partition: int, point: TrimPoint, retention_us: int, max_batches: int
    ) -> tuple[TrimPoint, bool]:
        """Where the trim point is to be, at most `max_batches` further on; and whether that bound stopped it."""
        tail = self._store.list(batches(topic, partition), limit=1, fields=("format",))
        last = seq_of(tail.docs[0].path) if tail.docs else 0
        bound = point.seq + max_batches
        while point.seq + 1 < last:
            if point.seq >= bound:
                return point, True
            seqs = range(point.seq + 1, min(point.seq + _PAGE, last - 1, bound) + 1)
            paths = [batch_path(topic, partition, seq) for seq in seqs]
            reads = self._store.get_many(paths, fields=_BATCH_FIELDS)
            for seq, doc, time in zip(seqs, reads.docs, reads.times, strict=True):
                if doc is None or time - doc.created < retention_us:
                    return point, False
                check_format(doc)
                if time - last_due(doc) < retention_us // 2:
                    return (
                        point,
                        False,
                    )  # `Topics.check_delay` lets no delay pass this, unless retention was lowered since
                point = TrimPoint(seq, int(doc.data["first"] or 0) + int(doc.data["count"] or 0))
        return point, False

    def _move(self, path: str, log: Doc | None, point: TrimPoint, swept: int) -> Doc | None:
        """Write the log document if it is still as it was read; None when that is not certain."""
        data: Fields = {"format": FORMAT, "trim": point.seq, "index": point.next_index, "swept": swept}
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
