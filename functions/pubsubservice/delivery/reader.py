"""Reading logs: all events of all topics of a subscriber in commit-time order, without a gap, by point reads alone.

A log is complete up to the read time of its own first missing batch, or the create time of the last batch of a full window.
Up to the smallest of these over all logs, events may be handed out; what was found beyond it waits for one more read.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable
from typing import NamedTuple

from pubsubservice.core.meter import meter
from pubsubservice.core.patterns import is_pattern
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.cursor import LogCursor, head, skip, take
from pubsubservice.delivery.read_ahead import MAX_READS, ReadAhead
from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES, Slice
from pubsubservice.log.batch import Batch
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.log.position import Position
from pubsubservice.log.seek import Seeker
from pubsubservice.log.topics import Topics
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.paths import batch_path, log_path
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.delays import Delays
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.registry_cursor import RegistryCursor, follows_patterns
from pubsubservice.subscribers.state import State

__all__ = ["Reader", "Reading"]

#: events of one call that filters judge
MAX_JUDGED = 100_000
_LARGE_READ = 16

_Head = tuple[int, str, int, LogCursor]


class Reading(NamedTuple):
    """New events in commit-time order; the positions of the state have moved past them."""

    slices: list[Slice]
    #: a bound was met before the end of the logs
    more: bool
    #: the documents that do not exist yet and of which one will when there is something new
    next_paths: list[str]
    #: why a log stopped before its end: "delayed"; or that there is no room for more of them: "logs"
    blocked: str | None = None


class _Look(NamedTuple):
    """What one window of a log showed."""

    cursor: LogCursor
    found: list[Batch]
    #: read time of the first missing batch; None when the window was full
    missing: int | None
    #: the log document must tell whether these belong to the log, or were trimmed away before
    doubtful: bool


class Reader:
    """The reading side of all logs in this process."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings, topics: Topics, cache: BatchCache) -> None:
        self._store = store
        self._runtime = runtime
        self._floor_us = settings.safety_window_us
        self._max_delayed = settings.bounds.delayed
        self._topics = topics
        self._cache = cache
        self._seeker = Seeker(store)
        self._read_ahead = ReadAhead()
        #: few large reads at a time, so that memory is bounded
        self._large = [runtime.new_lock() for _ in range(4)]

    def new_events(self, state: State, max_events: int, now: int, held: Container[int] = ()) -> Reading:
        """Read on from the positions of a state, which move past what is returned; raises StoreError, Unavailable.

        Args:
            now: the store time of the state, µs
            held: numbers of subscriptions that are left out
        """
        cursors: list[LogCursor | RegistryCursor] = [*self._open_cursors(state, held)]
        if follows_patterns(state):
            cursors.append(RegistryCursor(state, self._topics, self._seeker))
        delays = Delays(state, now, self._max_delayed)
        heads: list[_Head] = []
        slices: list[Slice] = []
        left, room, judge, more, blocked = max_events, MAX_RESPONSE_BYTES, MAX_JUDGED, False, None
        spent = 0
        while cursors:
            bound = self._bound(cursors)
            while heads and heads[0][0] <= bound and not more:
                cursor = heapq.heappop(heads)[3]
                batch, judge = cursor.pending[0], judge - cursor.pending[0].count
                taken = take(cursor, left, room, delays)
                if taken is not None:
                    slices.append(taken)
                    left -= len(taken.lines)
                    room -= taken.bytes
                if cursor.full:
                    blocked = "delayed"
                    cursors, heads, bound = self._stop(cursor, cursors, heads)
                    continue
                more = bool(cursor.pending and cursor.pending[0] is batch) or left <= 0 or room <= 0
                more = more or len(slices) >= MAX_READS or judge <= 0
                if cursor.pending:
                    heapq.heappush(heads, head(cursor))
            need = [cursor for cursor in cursors if (cursor.horizon < heads[0][0] if heads else cursor.open)]
            if more or not need:
                break
            if spent >= MAX_READS + len(cursors):
                more = True
                break
            spent += self._read(state, cursors, need, left)
            heads = [head(cursor) for cursor in cursors if isinstance(cursor, LogCursor) and cursor.pending]
            heapq.heapify(heads)
        delays.keep()
        if any(cursor.full for cursor in cursors):
            blocked = blocked or "logs"
        return Reading(slices, more, [cursor.next_path() for cursor in cursors if not cursor.full], blocked)

    def fetch(self, places: Iterable[tuple[str, int, int]]) -> dict[tuple[str, int, int], Batch]:
        """Batches by (topic, partition, seq) that were handed out before; those that retention took are missing."""
        batches: dict[tuple[str, int, int], Batch] = {}
        ask = []
        for place in places:
            cached = self._cache.get(batch_path(*place))
            if cached is not None:
                batches[place] = cached
            else:
                ask.append(place)
        if not ask:
            return batches
        docs = self._get([batch_path(*place) for place in ask])[0]
        found = {place: Batch(doc) for place, doc in zip(ask, docs, strict=True) if doc is not None}
        trims = self._trims({place[:2] for place in found})
        for place, batch in found.items():
            if place[2] > trims[place[:2]].seq:
                batches[place] = batch
                self._cache.put(batch_path(*place), batch)
        return batches

    def _bound(self, cursors: list[LogCursor | RegistryCursor]) -> int:
        """Up to when all logs are complete, µs."""
        return min(cursor.horizon for cursor in cursors)

    def _stop(
        self, full: LogCursor, cursors: list[LogCursor | RegistryCursor], heads: list[_Head]
    ) -> tuple[list[LogCursor | RegistryCursor], list[_Head], int]:
        """The logs that go on when one has no room for its delayed events, their heads, and up to when they are complete.

        Of an ordered topic all logs stop: what is newer in one must not overtake what is older in the one that stopped.
        """
        stopped = [
            cursor
            for cursor in cursors
            if cursor is full or (full.ordered and isinstance(cursor, LogCursor) and cursor.topic == full.topic)
        ]
        cursors = [cursor for cursor in cursors if cursor not in stopped]
        heads = [one for one in heads if one[3] not in stopped]
        heapq.heapify(heads)
        return cursors, heads, self._bound(cursors) if cursors else 0

    def _open_cursors(self, state: State, held: Container[int]) -> list[LogCursor]:
        cursors = []
        for topic, subscription in state.subscriptions.items():
            if subscription.number in held or is_pattern(topic):
                continue
            if not subscription.positions:
                partitions = self._topics.partitions(topic)
                if partitions is None:
                    cursors.append(LogCursor(topic, subscription, -1, _sieve(state, topic)))
                    continue
                _begin(subscription, partitions)
            cursors += self._cursors_of(state, topic)
        return cursors

    def _cursors_of(self, state: State, topic: str) -> list[LogCursor]:
        """The logs of a topic that is met."""
        event_filter, subscription = _sieve(state, topic), state.subscriptions[topic]
        cursors: list[LogCursor] = []
        for partition in range(len(subscription.positions)):
            cursor = LogCursor(
                topic, subscription, partition, event_filter, ordered=state.settings_of(subscription).ordered
            )
            if not cursor.position.offset:
                cursor.at = max(cursor.at, self._read_ahead.ended_at((topic, partition), cursor.seq))
            cursors.append(cursor)
        return cursors

    def _read(
        self,
        state: State,
        cursors: list[LogCursor | RegistryCursor],
        need: list[LogCursor | RegistryCursor],
        events: int,
    ) -> int:
        """Read the next window of each needed log; returns the billed reads."""
        before = meter().reads
        windows: list[tuple[LogCursor | RegistryCursor, list[Batch], list[str]]] = []
        width = max(1, MAX_READS // len(need))
        for cursor in need:
            if isinstance(cursor, RegistryCursor):
                windows.append((cursor, [], cursor.window(width)))
                continue
            windows.append(
                self._window(cursor, min(width, self._read_ahead.width((cursor.topic, cursor.partition), cursor.seq)))
            )
        paths = [path for _, _, ask in windows for path in ask]
        docs, times = self._get(paths) if paths else ([], [])
        looks, at = [], 0
        for cursor, cached, ask in windows:
            upto = at + len(ask)
            if isinstance(cursor, RegistryCursor):
                for topic in cursor.take(docs[at:upto], times[at:upto]):
                    cursors += self._cursors_of(state, topic)
            elif cursor.partition < 0:
                self._meet_topic(state, cursor, cursors, docs[at], times[at])
            else:
                looks.append(self._look(cursor, cached, docs[at:upto], times[at:upto]))
            at = upto
        doubtful = {(look.cursor.topic, look.cursor.partition) for look in looks if look.doubtful}
        trims = self._trims(doubtful)
        for look in looks:
            point = trims.get((look.cursor.topic, look.cursor.partition))
            if point is not None and point.seq >= look.cursor.seq:
                skip(state, look.cursor, point)
            else:
                self._settle(look, events)
        return meter().reads - before

    def _window(self, cursor: LogCursor, width: int) -> tuple[LogCursor, list[Batch], list[str]]:
        """The next batches of a log that are here already, and the paths to ask for behind them."""
        if cursor.partition < 0:
            return cursor, [], [cursor.next_path()]
        cached: list[Batch] = []
        while len(cached) < width:
            batch = self._cache.get(batch_path(cursor.topic, cursor.partition, cursor.seq + len(cached)))
            if batch is None:
                break
            cached.append(batch)
        seqs = range(cursor.seq + len(cached), cursor.seq + width)
        return cursor, cached, [batch_path(cursor.topic, cursor.partition, seq) for seq in seqs]

    def _meet_topic(
        self, state: State, cursor: LogCursor, cursors: list[LogCursor | RegistryCursor], doc: Doc | None, time: int
    ) -> None:
        """A topic that did not exist when it was subscribed to: does it now?"""
        if doc is None:
            cursor.horizon, cursor.open = time, False
            return
        _begin(cursor.subscription, self._topics.met(cursor.topic, doc).partitions)
        cursors.remove(cursor)
        cursors += self._cursors_of(state, cursor.topic)

    def _look(self, cursor: LogCursor, cached: list[Batch], docs: list[Doc | None], times: list[int]) -> _Look:
        found = list(cached)  # the cache holds nothing but batches of the log
        at = found[-1].created if found else cursor.at
        doubtful = False
        for doc, time in zip(docs, times, strict=True):
            if doc is None:
                return _Look(cursor, found, time, doubtful or time - at >= self._floor_us)
            doubtful = doubtful or doc.created - at >= self._floor_us
            found.append(Batch(doc))
            at = doc.created
        return _Look(cursor, found, None, doubtful)

    def _settle(self, look: _Look, events: int) -> None:
        """Take what a window showed: it belongs to the log."""
        cursor = look.cursor
        log = (cursor.topic, cursor.partition)
        for batch in look.found:
            self._cache.put(batch_path(*log, batch.seq), batch)
        cursor.pending += look.found
        cursor.seq += len(look.found)
        if look.found:
            cursor.at = cursor.horizon = look.found[-1].created
        if look.missing is not None:
            cursor.open = False
            cursor.at = cursor.horizon = look.missing
            self._read_ahead.ended(log, cursor.seq, look.missing)
        else:
            self._read_ahead.goes_on(log, cursor.seq, look.found, None if cursor.event_filter.filters else events)

    def _trims(self, logs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], TrimPoint]:
        """The trim points of these logs."""
        ask = sorted(logs)
        if not ask:
            return {}
        docs = self._store.get_many([log_path(*log) for log in ask]).docs
        return {log: TrimPoint.read(doc) for log, doc in zip(ask, docs, strict=True)}

    def _get(self, paths: list[str]) -> tuple[list[Doc | None], list[int]]:
        if len(paths) < _LARGE_READ:
            reads = self._store.get_many(paths)
        else:
            with self._large[int(self._runtime.random() * len(self._large))]:
                reads = self._store.get_many(paths)
        return reads.docs, reads.times


def _sieve(state: State, topic: str) -> EventFilter:
    return EventFilter(state.name, topic, state.settings_of(state.subscriptions[topic]).filters)


def _begin(subscription: Subscription, partitions: int) -> None:
    """The topic exists now: it is read from its start."""
    subscription.positions = [Position() for _ in range(partitions)]
    subscription.starts = [0] * partitions
