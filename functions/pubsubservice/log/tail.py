"""A process's cache of a log's tail: its newest batch, and the identities of the events in its last batches.

The cache deduplicates publishes: before a writer creates batch k+1, it knows the identities in all batches that were created
after the publish's first attempt, from the cache or by reading them back.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from itertools import chain, count
from typing import NamedTuple

from pubsubservice.log.batch import HEAD_FIELDS
from pubsubservice.storage.format import check_format
from pubsubservice.storage.paths import batch_id, batches, seq_of
from pubsubservice.storage.port import Doc, Store

__all__ = ["BatchHead", "EventOffset", "Tail"]

#: batches known at least (if the log has them) for a publish that does not give the time of its first attempt
_MAX_BLIND_BATCHES = 200
#: batches per page when reading back: pages grow from the first size to the largest
_FIRST_PAGE, _LARGEST_PAGE = 10, 200
#: one identity hash
_HASHES = struct.Struct("8s")


class BatchHead(NamedTuple):
    """A batch without its events."""

    #: commit time, µs
    created: int
    #: log index of the batch's first event
    first: int
    #: 8-byte hash of each event's identity, joined
    hashes: bytes

    @property
    def end(self) -> int:
        """The log index after the batch's last event."""
        return self.first + len(self.hashes) // 8


class EventOffset(NamedTuple):
    """The batch number of an event, and the event's offset in the batch."""

    seq: int
    offset: int


class Tail:
    """The tail of one log at store time `time`, with an unbroken run of known batches that ends at the tail.

    Batch numbers have no gaps and create times rise with them, so reading back from the tail finds every batch of the log. The
    log begins where a number is missing, which is where retention has trimmed, or where a create time is not below that of the
    next batch: then a stale writer created the batch under a freed id, and it was never part of the log.
    """

    def __init__(self, seq: int, time: int) -> None:
        #: number of the newest batch; 0 for an empty log
        self.seq = seq
        #: store time at which `seq` was known to be the newest: a read time, or the batch's create time; µs
        self.time = time
        #: the known batches: numbers `_oldest_seq` to `seq`
        self._batches: dict[int, BatchHead] = {}
        #: packed offset of each known identity, in two generations: the older one is forgotten as a whole
        self._newer: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        #: number of the oldest batch in the newer generation
        self._newer_from_seq = seq + 1
        #: whether the known batches are the whole log
        self._complete = seq == 0
        #: number of the oldest known batch
        self._oldest_seq = seq + 1
        #: `time` when batches were last read back, µs
        self._looked_back: int | None = None

    @classmethod
    def load(cls, store: Store, topic: str, partition: int) -> Tail:
        """Read the tail of a log from the store. One billed read."""
        page = store.list(batches(topic, partition), limit=1, fields=HEAD_FIELDS)
        if not page.docs:
            return cls(0, page.time)
        tail = cls(seq_of(page.docs[0].path), page.time)
        tail._oldest_seq = tail._newer_from_seq = tail.seq
        tail._newer.update(tail._add(page.docs[0]))
        return tail

    @property
    def next_index(self) -> int:
        """The log index of the next event."""
        return self._batches[self.seq].end if self.seq else 0

    @property
    def size(self) -> int:
        """The number of known identities."""
        return len(self._newer) + len(self._older)

    def batch(self, seq: int) -> BatchHead:
        """Return the head of a known batch; raises KeyError for any other."""
        return self._batches[seq]

    def find(self, identity_hash: bytes) -> EventOffset | None:
        """Return the newest known event whose identity has this hash, or None."""
        packed = self._newer.get(identity_hash)
        if packed is None:
            packed = self._older.get(identity_hash)
        return None if packed is None else EventOffset(packed >> 14, packed & 0x3FFF)

    def has_none(self, hashes: Collection[bytes]) -> bool:
        """Whether no known event has one of these identity hashes."""
        return self._newer.keys().isdisjoint(hashes) and self._older.keys().isdisjoint(hashes)

    def advance(self, doc: Doc) -> None:
        """Make batch seq + 1, whose document is `doc`, the new tail."""
        self.seq += 1
        self.time = doc.created
        self._newer.update(self._add(doc))

    def look_back(self, store: Store, topic: str, partition: int, since: int | None) -> None:
        """Read back until every batch created after `since` (store time, µs) is known; for None, the newest 200 batches."""
        limit = _FIRST_PAGE
        while not self._complete and self._lacks(since):
            after = batch_id(self._oldest_seq)
            page = store.list(batches(topic, partition), after=after, limit=limit, fields=HEAD_FIELDS)
            self._looked_back = self.time
            for doc in page.docs:
                oldest = self._batches[self._oldest_seq]
                if seq_of(doc.path) != self._oldest_seq - 1 or doc.created >= oldest.created:
                    self._complete = True
                    return
                self._oldest_seq -= 1
                for identity_hash, packed_offset in self._add(doc):
                    # an identity may be stored again after the deduplication window; its newest event counts
                    self._older.setdefault(identity_hash, packed_offset)
            self._complete = len(page.docs) < limit
            limit = min(2 * limit, _LARGEST_PAGE)

    def looked_back_within(self, window_us: int) -> bool:
        """Whether batches were read back within the last `window_us`: a client that gives an old `since` does so again."""
        return self._looked_back is not None and self.time - self._looked_back < window_us

    def forget_oldest(self, max_identities: int) -> None:
        """Forget the older generation of batches, until at most `max_identities` identities are known.

        The newer generation becomes the older one. The newest batch's identities are always kept.
        """
        while self._newer and (self.size > max_identities or 2 * len(self._newer) > max_identities):
            for seq in range(self._oldest_seq, self._newer_from_seq):
                del self._batches[seq]
                self._complete = False
            self._older, self._newer = self._newer, {}
            self._oldest_seq, self._newer_from_seq = self._newer_from_seq, self.seq + 1

    def _lacks(self, since: int | None) -> bool:
        if since is None:
            return len(self._batches) < _MAX_BLIND_BATCHES
        return self._batches[self._oldest_seq].created > since

    def _add(self, doc: Doc) -> Iterator[tuple[bytes, int]]:
        """Keep the head of a batch; return the hash and the packed offset (seq, then 14 bits of offset) of each event."""
        check_format(doc)
        seq = seq_of(doc.path)
        hashes: bytes = doc.data["hashes"]  # type: ignore[assignment]
        self._batches[seq] = BatchHead(doc.created, int(doc.data["first"] or 0), hashes)
        return zip(chain.from_iterable(_HASHES.iter_unpack(hashes)), count(seq << 14), strict=False)
