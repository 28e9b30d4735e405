"""Appending to a log, each event once.

A log is the batches 1, 2, 3, … of one partition of a topic. A writer that knows batch k to be the tail at store time R creates
batch k+1 and, whatever the answer, ends by knowing which batch is there. Created less than F after R, it is the log's k+1.
Created later, or missing, the writer forgets the log and starts again at the tail: retention frees ids, so a stale
writer's success proves nothing. ``docs/architecture.md`` walks through it.
"""

from __future__ import annotations

from itertools import groupby
from typing import Protocol

from pubsubservice.core.problems import Conflict, Unavailable
from pubsubservice.core.retry import attempts
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.events.entry import Entry
from pubsubservice.events.validate import identity_of, same_payload
from pubsubservice.log.batch import HEAD_FIELDS, Batch, Origin, compress, document
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.log.group_commit import Append
from pubsubservice.log.tail import EventOffset, Tail
from pubsubservice.storage.paths import batch_path
from pubsubservice.storage.port import Doc, Exists, Fields, Refused, Store, Unknown

__all__ = ["Log", "MaxIdentities"]


class MaxIdentities(Protocol):
    """How many identities a log may remember."""

    def __call__(self, *, looked_back: bool) -> int:
        """If batches were read back lately, or not."""


#: the events of a group that are not in the log yet, in the order in which they will be
_New = list[tuple[Append, int]]


class Log:
    """The writing side of one log in this process; `commit` is called by one thread at a time.

    `max_identities` says how many it may remember after a commit, more if batches were read back lately; of its last batch
    it remembers all.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        settings: Settings,
        cache: BatchCache,
        topic: str,
        partition: int,
        max_identities: MaxIdentities,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._settings = settings
        self._cache = cache
        self._topic = topic
        self._partition = partition
        self._max_identities = max_identities
        self._tail: Tail | None = None
        #: this process's clock when the tail was learned: a hint that saves a write in vain, no proof
        self._tail_at = 0.0

    def commit(self, group: list[Append]) -> None:
        """Give every event of the group its place, or its request its problem; raises Unavailable, StoreError."""
        for _ in attempts(self._runtime):
            tail = self._load_tail()
            for since in self._look_back_to(group, tail):
                tail.look_back(self._store, self._topic, self._partition, since)
            new = self._place_known(group, tail)
            if not new or self._create_next(tail, new):
                tail.forget_oldest(self._max_identities(looked_back=tail.looked_back_within(self._settings.once_us)))
                for request in group:
                    _place_duplicates(request)
                return
        raise Unavailable(
            "contended", f"The topic {self._topic!r} was written to by too many at once; publish the same events again."
        )

    def _load_tail(self) -> Tail:
        now = self._runtime.monotonic()
        if self._tail is None or now - self._tail_at >= self._settings.safety_window_s:
            self._tail_at = now
            self._tail = Tail.load(self._store, self._topic, self._partition)
        return self._tail

    def _look_back_to(self, group: list[Append], tail: Tail) -> list[int | None]:
        """The store times since when the identities must be known; None stands for the newest batches there are."""
        oldest = tail.time - self._settings.once_us
        times = [
            request.since if request.unlimited_lookback else max(request.since, oldest)
            for request in group
            if request.since is not None
        ]
        wanted: list[int | None] = [min(times)] if times else []
        if len(times) < len(group):
            wanted.append(None)
        return wanted

    def _place_known(self, group: list[Append], tail: Tail) -> _New:
        """Answer events that are in the log already from there; return the others. Refuses requests that contradict."""
        while True:
            active = [request for request in group if request.problem is None]
            new: _New = []
            waiting: dict[bytes, tuple[Append, int]] = {}
            for request in active:
                request.duplicates.clear()
                try:
                    self._place_request(request, tail, new, waiting)
                except Conflict as e:
                    request.problem = e
                    break
            else:
                return new

    def _place_request(self, request: Append, tail: Tail, new: _New, waiting: dict[bytes, tuple[Append, int]]) -> None:
        hashes = [entry.hash for entry in request.entries]
        different = len({*hashes}) == len(hashes) and waiting.keys().isdisjoint(hashes)
        if different and not any(request.places) and tail.has_none(hashes):  # as nearly always: all are new
            added = [(request, i) for i in range(len(hashes))]
            waiting.update(zip(hashes, added, strict=True))
            new += added
            return
        for i, entry in enumerate(request.entries):
            if request.places[i] is not None:
                continue
            place = tail.find(entry.hash)
            if place is not None:
                request.places[i] = self._answer_known(request, entry, tail, place)
                if request.places[i] is not None:
                    continue
            duplicate = waiting.setdefault(entry.hash, (request, i))
            if duplicate == (request, i):
                new.append(duplicate)
                continue
            other = duplicate[0].entries[duplicate[1]]
            if (duplicate[0].publisher, other.source, other.id) != (request.publisher, entry.source, entry.id):
                new.append((request, i))  # two identities, one hash
                continue
            _check_same(entry, other.line)
            request.duplicates.append((i, *duplicate))

    def _answer_known(self, request: Append, entry: Entry, tail: Tail, place: EventOffset) -> tuple[int, int] | None:
        """The place of an event that is in the log, once its real identity and its payload were compared."""
        head = tail.batch(place.seq)
        if head.created < tail.time - self._settings.once_us and not request.unlimited_lookback:
            return None
        path = batch_path(self._topic, self._partition, place.seq)
        batch = self._cache.get(path)
        if batch is None or batch.created != head.created:
            doc = self._store.get_many([path]).docs[0]
            if doc is None or doc.created != head.created:
                return None  # retention took it, and with it the promise to know it
            batch = Batch(doc)
            self._cache.put(path, batch)
        line = batch.lines()[place.offset]
        if (batch.publisher_of(place.offset), *identity_of(line)) != (request.publisher, entry.source, entry.id):
            return None  # another identity with the same hash
        _check_same(entry, line)
        return (head.first + place.offset, head.created)

    def _create_next(self, tail: Tail, new: _New) -> bool:
        """Try to make the next batch of these events; whether it is surely there, with every event's place set."""
        path = batch_path(self._topic, self._partition, tail.seq + 1)
        data = _document(new, tail.next_index)
        ours = False
        try:
            created = self._store.create(path, data)
            doc: Doc | None = Doc(path, data, created, created)
            ours = True
        except Refused as e:
            if not e.busy:
                raise
            return False
        except (Exists, Unknown):
            doc = self._store.get_many([path], fields=HEAD_FIELDS).docs[0]
        if doc is None or not self._proves(doc, tail):
            if doc is not None or self._runtime.random() < 0.5:
                self._tail = None
            return False
        self._tail_at = self._runtime.monotonic()
        tail.advance(doc)
        if not ours:  # another writer's, or our own with its answer lost: its events are known now, the others go on
            return False
        self._cache.put(path, Batch(doc))
        first = tail.batch(tail.seq).first
        for offset, (request, i) in enumerate(new):
            request.places[i] = (first + offset, doc.created)
        return True

    def _proves(self, doc: Doc, tail: Tail) -> bool:
        """Whether the batch found at the next place is the log's: made later than F, it may have taken a freed id."""
        return doc.created - tail.time < self._settings.safety_window_us


def _document(new: _New, first: int) -> Fields:
    """The document of a batch with these events."""
    request = new[0][0]
    if len(new) == len(request.entries) and request.blob is not None and new[-1][0] is request:
        blob = request.blob
    else:
        blob = compress([request.entries[i].line for request, i in new])
    origins = [
        Origin(request.publisher, sum(1 for _ in run), request.delay_ms)
        for request, run in groupby(new, key=lambda event: event[0])
    ]
    return document(blob, first, [request.entries[i].hash for request, i in new], origins)


def _check_same(entry: Entry, line: bytes) -> None:
    if not same_payload(entry.line, line):
        raise Conflict(
            "payload_differs",
            f"The event {entry.id!r} of {entry.source!r} was published before with another payload; nothing of this request "
            "was stored. Give a different event an id of its own.",
            status=422,
            event=entry.id,
        )


def _place_duplicates(request: Append) -> None:
    """An identity that came twice has one place."""
    if request.problem is None:
        for i, other, j in request.duplicates:
            request.places[i] = other.places[j]
