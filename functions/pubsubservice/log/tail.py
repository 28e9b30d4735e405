"""What a process knows of a log's tail: where it is, since when, and the identities in its last batches.

This is what makes a publish happen once: before batch k+1 is created, the identities of all batches created after the
publish's first try are here, or have been read back.
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

#: batches read back at most when a publish does not say since when
_MAX_BLIND_BATCHES = 200
_FIRST_PAGE, _LARGEST_PAGE = 10, 200
_HASHES = struct.Struct("8s")


class BatchHead(NamedTuple):
    """The head of a batch."""

    created: int
    first: int
    hashes: bytes

    @property
    def end(self) -> int:
        """The log index after its last event."""
        return self.first + len(self.hashes) // 8


class EventOffset(NamedTuple):
    """Where an event is in a log."""

    seq: int
    offset: int


class Tail:
    """The tail of one log as it was at store time `time`, with the batches below it that are known without a gap.

    Batch ids are dense and their create times rise, so walking down from the tail meets every batch: a missing one is
    where retention has cut, and a time that rises is a stray below the cut (a stale writer's, never part of the log).
    """

    def __init__(self, seq: int, time: int) -> None:
        #: number of the tail; 0 of an empty log
        self.seq = seq
        #: when the tail was known to be this one: a read time, or its own create time; µs
        self.time = time
        self._batches: dict[int, BatchHead] = {}
        #: places of identities, packed: in the newer batches, and in the older ones, which are forgotten all at once
        self._newer: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        #: the oldest of the newer batches
        self._middle = seq + 1
        #: nothing older than what is here belongs to the log
        self._complete = seq == 0
        #: the oldest batch that is here
        self._low = seq + 1
        #: the tail's time when batches were last read back, µs
        self._looked_back: int | None = None

    @classmethod
    def load(cls, store: Store, topic: str, partition: int) -> Tail:
        """Read the tail: one document, one billed read."""
        page = store.list(batches(topic, partition), limit=1, fields=HEAD_FIELDS)
        if not page.docs:
            return cls(0, page.time)
        tail = cls(seq_of(page.docs[0].path), page.time)
        tail._low = tail._middle = tail.seq
        tail._newer.update(tail._add(page.docs[0]))
        return tail

    @property
    def next_index(self) -> int:
        """The log index of the next event."""
        return self._batches[self.seq].end if self.seq else 0

    @property
    def size(self) -> int:
        """Identities held."""
        return len(self._newer) + len(self._older)

    def batch(self, seq: int) -> BatchHead:
        """The head of a batch that is known."""
        return self._batches[seq]

    def find(self, identity_hash: bytes) -> EventOffset | None:
        """Where an event with this hash is, if one is known."""
        packed = self._newer.get(identity_hash)
        if packed is None:
            packed = self._older.get(identity_hash)
        return None if packed is None else EventOffset(packed >> 14, packed & 0x3FFF)

    def has_none(self, hashes: Collection[bytes]) -> bool:
        """Whether no event with one of these hashes is known."""
        return self._newer.keys().isdisjoint(hashes) and self._older.keys().isdisjoint(hashes)

    def advance(self, doc: Doc) -> None:
        """Batch seq + 1 is in the log: it is the tail now."""
        self.seq += 1
        self.time = doc.created
        self._newer.update(self._add(doc))

    def look_back(self, store: Store, topic: str, partition: int, since: int | None) -> None:
        """Know every batch created after `since` (µs of store time), or the newest 200 when it is None."""
        limit = _FIRST_PAGE
        while not self._complete and self._lacks(since):
            page = store.list(batches(topic, partition), after=batch_id(self._low), limit=limit, fields=HEAD_FIELDS)
            self._looked_back = self.time
            for doc in page.docs:
                if seq_of(doc.path) != self._low - 1 or doc.created >= self._batches[self._low].created:
                    self._complete = True
                    return
                self._low -= 1
                for identity_hash, place in self._add(doc):
                    # an identity may come again after the once-only window; its newest place counts
                    self._older.setdefault(identity_hash, place)
            self._complete = len(page.docs) < limit
            limit = min(2 * limit, _LARGEST_PAGE)

    def looked_back_within(self, window_us: int) -> bool:
        """Whether batches were read back in the last `window_us`: a client that names an old `since` does it again."""
        return self._looked_back is not None and self.time - self._looked_back < window_us

    def forget_oldest(self, max_identities: int) -> None:
        """Have the newer batches become the older ones, and forget those, so that at most `max_identities` are held.

        The tail always stays.
        """
        while self._newer and (self.size > max_identities or 2 * len(self._newer) > max_identities):
            for seq in range(self._low, self._middle):
                del self._batches[seq]
                self._complete = False
            self._older, self._newer = self._newer, {}
            self._low, self._middle = self._middle, self.seq + 1

    def _lacks(self, since: int | None) -> bool:
        if since is None:
            return len(self._batches) < _MAX_BLIND_BATCHES
        return self._batches[self._low].created > since

    def _add(self, doc: Doc) -> Iterator[tuple[bytes, int]]:
        """Keep the head of a batch; returns its identities with their places."""
        check_format(doc)
        seq = seq_of(doc.path)
        hashes: bytes = doc.data["hashes"]  # type: ignore[assignment]
        self._batches[seq] = BatchHead(doc.created, int(doc.data["first"] or 0), hashes)
        return zip(chain.from_iterable(_HASHES.iter_unpack(hashes)), count(seq << 14), strict=False)
