"""Retention: deletes batches that are older than their topic's retention, oldest first.

A run moves a log's trim point, then deletes the batches, then sets ``swept`` to the trim point. So the next run finishes what
a killed run left, and a reader that misses a batch learns from the trim point that it was deleted.

Two kinds of batches are kept longer. The last batch of a log always stays, because it tells where the log continues. A batch
with a delayed event, and all batches behind it, stay until half of the retention has passed since the event became visible.
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

#: logs that one run looks at; a single topic with more partitions is still completed
MAX_LOGS = 1_000
#: batches per look-up, and topics per page
_PAGE = 100
_BATCH_FIELDS = ("format", "first", "count", "origins")
_TOPIC_FIELDS = ("format", "partitions", "retention_s", "listed", "dead_letter")


class Expired(NamedTuple):
    """The result of one run."""

    #: topics looked at, and batches deleted
    topics: int
    batches: int
    #: whether a limit ended the run before it had looked at every topic
    more: bool
    #: name of the topic behind which the next run continues; empty to start at the first one
    after: str = ""


class Expire:
    """Deletes expired batches. Raises Unavailable and StoreError; the next run continues from there.

    Args:
        record: adds a topic to the registry, for topics whose creator was stopped before it did so
    """

    def __init__(self, store: Store, record: Callable[[str], object]) -> None:
        self._store = store
        self._record = record

    def run(self, max_batches: int, after: str = "") -> Expired:
        """Expire the logs of the topics behind `after`: at most `max_batches` batches of `MAX_LOGS` logs."""
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
                    expired, stopped = self.expire_log(topic, partition, retention_us, max_batches - deleted)
                    deleted += expired
                    if stopped:
                        return Expired(topics, deleted, more=True, after=after)
                after = topic
            if len(page.docs) < _PAGE:
                return Expired(topics, deleted, more=False)

    def expire_log(self, topic: str, partition: int, retention_us: int, max_batches: int) -> tuple[int, bool]:
        """Delete a log's batches older than `retention_us`.

        The age of a batch is the read time minus its create time: both are store times.

        Returns:
            How many batches were deleted, and whether `max_batches` or another run stopped this one.
        """
        path = log_path(topic, partition)
        log = self._store.get_many([path]).docs[0]
        point = TrimPoint.read(log)
        swept = int(log.data["swept"] or 0) if log else 0
        deleted = self._delete_batches(topic, partition, swept, point.seq)
        new_point, stopped = self._next_trim_point(topic, partition, point, retention_us, max_batches)
        if new_point != point:
            log = self._write_trim_point(path, log, new_point, swept=point.seq)
            if log is None:
                return deleted, True  # another run was faster, or the response was lost: the next run continues
            deleted += self._delete_batches(topic, partition, point.seq, new_point.seq)
        if deleted and log is not None:
            self._write_trim_point(path, log, new_point, swept=new_point.seq)
        return deleted, stopped

    def _next_trim_point(
        self, topic: str, partition: int, point: TrimPoint, retention_us: int, max_batches: int
    ) -> tuple[TrimPoint, bool]:
        """Return the new trim point, at most `max_batches` further on, and whether `max_batches` stopped it."""
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
                # happens only if retention was lowered since, because `Topics.check_delay` limits delays to half of it
                if time - last_due(doc) < retention_us // 2:
                    return point, False
                point = TrimPoint(seq, int(doc.data["first"] or 0) + int(doc.data["count"] or 0))
        return point, False

    def _write_trim_point(self, path: str, log: Doc | None, point: TrimPoint, swept: int) -> Doc | None:
        """Write the log document if it is still as it was read. Returns None unless it was certainly written."""
        data: Fields = {"format": FORMAT, "trim": point.seq, "index": point.next_index, "swept": swept}
        try:
            if log is None:
                time = self._store.create(path, data)
                return Doc(path, data, time, time)
            return Doc(path, data, log.created, self._store.update(path, data, log.updated))
        except (Exists, Changed, Unknown):
            return None

    def _delete_batches(self, topic: str, partition: int, swept: int, trim: int) -> int:
        """Delete the batches numbered swept + 1 to trim; return how many."""
        for low in range(swept, trim, _PAGE):
            seqs = range(low + 1, min(low + _PAGE, trim) + 1)
            self._store.delete([batch_path(topic, partition, seq) for seq in seqs])
        return trim - swept
