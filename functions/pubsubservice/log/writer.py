"""Appends events to a log, each event once.

A log is the batches 1, 2, 3, … of one partition of a topic. A writer that knows batch k to be the tail at store time R creates
batch k+1. If the path is taken, or the outcome unknown, the writer reads which batch is there. A batch that was created less
than F (`Settings.safety_window_s`) after R is the log's batch k+1. If it was created later, or is missing, the writer starts
again and reads the tail anew: retention frees ids, so a writer with an old tail may create a batch under a freed id.
``docs/architecture.md`` explains the algorithm.
"""

from __future__ import annotations

from itertools import groupby
from typing import Protocol

from pubsubservice.core.problems import Conflict, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.events.entry import Entry
from pubsubservice.log.batch import HEAD_FIELDS, Batch, Origin, compress, document
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.log.find_stored import check_same, place_in_batch
from pubsubservice.log.group_commit import Append
from pubsubservice.log.tail import EventOffset, Tail
from pubsubservice.storage.optimistic import attempts
from pubsubservice.storage.paths import batch_path
from pubsubservice.storage.port import Doc, Exists, Fields, Refused, Store, Unknown

__all__ = ["Log", "MaxIdentities"]


class MaxIdentities(Protocol):
    """Returns how many identities a log may keep in memory."""

    def __call__(self, *, looked_back: bool) -> int:
        """Return the limit; `looked_back` says whether older batches were read back lately."""


#: the events of a group that are not in the log yet, in the order of the log: (request, index of the event in the request)
_New = list[tuple[Append, int]]


class Log:
    """The writer of one log in this process. Only one thread at a time may call `commit`.

    `max_identities` limits the identities that the writer keeps after a commit. It always keeps those of the last batch.
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
        #: monotonic time when `_tail` was read or advanced, seconds. Saves a useless write; correctness needs only store times
        self._tail_at = 0.0

    def commit(self, group: list[Append]) -> None:
        """Append a group: set the place of every event, or the problem of its request. Raises Unavailable, StoreError."""
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
            "contended", f"Too many writers append to the topic {self._topic!r} at once; publish the same events again."
        )

    def _load_tail(self) -> Tail:
        """Return the tail, reading it again if it is unknown or known for longer than the safety window."""
        now = self._runtime.monotonic()
        if self._tail is None or now - self._tail_at >= self._settings.safety_window_s:
            self._tail_at = now
            self._tail = Tail.load(self._store, self._topic, self._partition)
        return self._tail

    def _look_back_to(self, group: list[Append], tail: Tail) -> list[int | None]:
        """Return the store times from which on identities must be known; None stands for the newest batches."""
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
        """Set the places of events that the log already holds, and return all other events of the group.

        A request with an event of another payload than the stored one gets a problem, and drops out.
        """
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
        """Sort a request's events into stored ones (sets `places`), duplicates within the group, and `new` ones.

        `waiting` holds the new events of the group by identity hash. Raises Conflict for a payload that differs.
        """
        hashes = [entry.hash for entry in request.entries]
        different = len({*hashes}) == len(hashes) and waiting.keys().isdisjoint(hashes)
        if different and not any(request.places) and tail.has_none(hashes):  # the common case: every event is new
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
                new.append((request, i))  # a hash collision of two identities
                continue
            check_same(entry, other.line)
            request.duplicates.append((i, *duplicate))

    def _answer_known(self, request: Append, entry: Entry, tail: Tail, place: EventOffset) -> tuple[int, int] | None:
        """Return the place of the stored event with an event's hash, or None if the event must be stored.

        Compares the full identity and the payload; raises Conflict for a payload that differs.
        """
        head = tail.batch(place.seq)
        if head.created < tail.time - self._settings.once_us and not request.unlimited_lookback:
            return None
        path = batch_path(self._topic, self._partition, place.seq)
        return place_in_batch(self._store, self._cache, path, head.created, place.offset, request.publisher, entry)

    def _create_next(self, tail: Tail, new: _New) -> bool:
        """Try to create the next batch from new events and set their places; return whether it was certainly stored."""
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
        if not ours:  # another writer's batch, or ours after a lost response: the next try finds its events
            return False
        self._cache.put(path, Batch(doc))
        first = tail.batch(tail.seq).first
        for offset, (request, i) in enumerate(new):
            request.places[i] = (first + offset, doc.created)
        return True

    def _proves(self, doc: Doc, tail: Tail) -> bool:
        """Whether the batch found behind the tail belongs to the log: created after F, it may have taken a freed id."""
        return doc.created - tail.time < self._settings.safety_window_us


def _document(new: _New, first: int) -> Fields:
    """Return the fields of a batch with these events; reuses the blob of a request that fills the batch alone."""
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


def _place_duplicates(request: Append) -> None:
    """Give each event that repeats another of its group the place of that other event."""
    if request.problem is None:
        for i, other, j in request.duplicates:
            request.places[i] = other.places[j]
