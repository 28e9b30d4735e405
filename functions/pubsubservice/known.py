"""What a process knows of a log's tail: where it is, since when, and the identities in its last batches.

This is what makes a publish happen once: before batch k+1 is created, the identities of all batches created after the
publish's first try are here, or have been read back.
"""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.batch import HEAD_FIELDS, check_format
from pubsubservice.names import batch_id, batches, seq_of
from pubsubservice.store import Doc, Store

__all__ = ["Known", "KnownBatch", "Place"]

#: batches read back at most when a publish does not say since when
_MAX_BLIND_BATCHES = 200
_FIRST_PAGE, _LARGEST_PAGE = 10, 200


class KnownBatch(NamedTuple):
    """The head of a batch."""

    created: int
    first: int
    hashes: bytes

    @property
    def end(self) -> int:
        """The log index after its last event."""
        return self.first + len(self.hashes) // 8


class Place(NamedTuple):
    """Where an event is in a log."""

    seq: int
    offset: int


class Known:
    """The tail of one log as it was at store time `time`, with the batches below it that are known without a gap.

    Batch ids are dense and their create times rise, so walking down from the tail meets every batch: a missing one is
    where retention has cut, and a time that rises is a stray below the cut (a stale writer's, never part of the log).
    """

    def __init__(self, seq: int, time: int) -> None:
        #: number of the tail; 0 of an empty log
        self.seq = seq
        #: when the tail was known to be this one: a read time, or its own create time; µs
        self.time = time
        self._batches: dict[int, KnownBatch] = {}
        self._places: dict[bytes, int] = {}
        #: nothing older than what is here belongs to the log
        self._complete = seq == 0
        #: the oldest batch that is here
        self._low = seq + 1

    @classmethod
    def load(cls, store: Store, topic: str, partition: int) -> Known:
        """Read the tail: one document, one billed read."""
        page = store.list(batches(topic, partition), limit=1, fields=HEAD_FIELDS)
        if not page.docs:
            return cls(0, page.time)
        known = cls(seq_of(page.docs[0].path), page.time)
        known._low = known.seq
        known._add(page.docs[0])
        return known

    @property
    def next_index(self) -> int:
        """The log index of the next event."""
        return self._batches[self.seq].end if self.seq else 0

    @property
    def size(self) -> int:
        """Identities held."""
        return len(self._places)

    def batch(self, seq: int) -> KnownBatch:
        """The head of a batch that is known."""
        return self._batches[seq]

    def find(self, identity_hash: bytes) -> Place | None:
        """Where an event with this hash is, if one is known."""
        packed = self._places.get(identity_hash)
        return None if packed is None else Place(packed >> 14, packed & 0x3FFF)

    def advance(self, doc: Doc) -> None:
        """Batch seq + 1 is in the log: it is the tail now."""
        self.seq += 1
        self.time = doc.created
        self._add(doc)

    def look_back(self, store: Store, topic: str, partition: int, since: int | None) -> None:
        """Know every batch created after `since` (µs of store time), or the newest 200 when it is None."""
        limit = _FIRST_PAGE
        while not self._complete and self._lacks(since):
            page = store.list(batches(topic, partition), after=batch_id(self._low), limit=limit, fields=HEAD_FIELDS)
            for doc in page.docs:
                if seq_of(doc.path) != self._low - 1 or doc.created >= self._batches[self._low].created:
                    self._complete = True
                    return
                self._low -= 1
                self._add(doc)
            self._complete = len(page.docs) < limit
            limit = min(2 * limit, _LARGEST_PAGE)

    def forget_oldest(self, max_identities: int) -> None:
        """Drop whole batches from the old end until at most `max_identities` are held (the tail always stays)."""
        while len(self._places) > max_identities and len(self._batches) > 1:
            hashes = self._batches.pop(self._low).hashes
            for at in range(0, len(hashes), 8):
                packed = self._places.get(hashes[at : at + 8])
                if packed is not None and packed >> 14 == self._low:
                    del self._places[hashes[at : at + 8]]
            self._low += 1
            self._complete = False

    def _lacks(self, since: int | None) -> bool:
        if since is None:
            return len(self._batches) < _MAX_BLIND_BATCHES
        return self._batches[self._low].created > since

    def _add(self, doc: Doc) -> None:
        check_format(doc)
        seq = seq_of(doc.path)
        hashes: bytes = doc.data["hashes"]  # type: ignore[assignment]
        self._batches[seq] = KnownBatch(doc.created, int(doc.data["first"] or 0), hashes)
        base = seq << 14
        newest = seq == self.seq
        for offset in range(len(hashes) // 8):
            key = hashes[8 * offset : 8 * offset + 8]
            # an identity may come again after the once-only window; its newest place counts
            if newest or key not in self._places:
                self._places[key] = base + offset
