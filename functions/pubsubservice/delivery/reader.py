"""Reads the logs of a subscriber: all events of all its topics in commit-time order, without gaps, by point reads only.

A log is complete up to the read time of its first missing batch, or up to the create time of the last batch if all batches
of the read existed. The smallest of these times over all logs is the bound: events up to it may be handed out, and later
events wait for another read.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable
from typing import NamedTuple

from pubsubservice.core.meter import meter
from pubsubservice.core.patterns import is_pattern
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.cursor import LogCursor, LogRead, begin_topic, head, skip_trimmed, take_slice
from pubsubservice.delivery.look_ups import MAX_READS, LookUps, Missing, ReadAhead
from pubsubservice.delivery.peek_cursor import too_many_logs
from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES, Slice
from pubsubservice.log.batch import Batch
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.log.seek import Seeker
from pubsubservice.log.topics import Topics
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.paths import batch_path, log_path
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.delays import Delays
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.pattern_topics import followed_logs, patterns
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.registry_cursor import RegistryCursor
from pubsubservice.subscribers.state import State

__all__ = ["Reader", "Reading"]

#: events of one call that filters evaluate
MAX_FILTERED = 100_000

_Head = tuple[int, str, int, LogCursor]


class Reading(NamedTuple):
    """New events in commit-time order. The positions of the state have already moved past them."""

    slices: list[Slice]
    #: a limit was reached before the end of the logs
    more: bool
    #: paths of missing documents to watch: something is new as soon as one of them exists
    next_paths: list[str]
    #: "delayed": a log stopped, as the state has no room for its delayed events; "logs": the state has no room for more logs
    blocked: str | None = None


class Reader:
    """Reads logs for one process."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings, topics: Topics, cache: BatchCache) -> None:
        self._store = store
        self._runtime = runtime
        self._safety_window_us = settings.safety_window_us
        self._max_delayed = settings.bounds.delayed
        self._topics = topics
        self._cache = cache
        self._seeker = Seeker(store)
        self._read_ahead = ReadAhead()
        self._look_ups = LookUps(store, runtime)

    def new_events(
        self,
        state: State,
        max_events: int,
        now: int,
        held: Container[int] = (),
        missing: Missing | None = None,
    ) -> Reading:
        """Read on from the positions of a state, and move them past the returned events. Raises StoreError, Unavailable.

        Args:
            now: the store time of the state, µs
            held: numbers of the subscriptions to leave out
            missing: what an earlier pass saw, which is not read again. What this pass finds missing is added
        """
        missing = Missing() if missing is None else missing
        cursors: list[LogCursor | RegistryCursor] = [*self._open_cursors(state, held)]
        if patterns(state):
            cursors.append(RegistryCursor(state, self._topics, self._seeker))
        delays = Delays(state, now, self._max_delayed)
        heads: list[_Head] = []
        slices: list[Slice] = []
        left, room, filterable, more, blocked = max_events, MAX_RESPONSE_BYTES, MAX_FILTERED, False, None
        spent = 0
        while cursors:
            bound = self._bound(cursors)
            while heads and heads[0][0] <= bound and not more:
                cursor = heapq.heappop(heads)[3]
                batch, filterable = cursor.pending[0], filterable - cursor.pending[0].count
                taken = take_slice(cursor, left, room, delays)
                if taken is not None:
                    slices.append(taken)
                    left -= len(taken.lines)
                    room -= taken.bytes
                if cursor.full:
                    blocked = "delayed"
                    cursors, heads, bound = self._stop(cursor, cursors, heads)
                    continue
                more = bool(cursor.pending and cursor.pending[0] is batch) or left <= 0 or room <= 0
                more = more or len(slices) >= MAX_READS or filterable <= 0
                if cursor.pending:
                    heapq.heappush(heads, head(cursor))
            need = [cursor for cursor in cursors if (cursor.horizon < heads[0][0] if heads else cursor.open)]
            if more or not need:
                break
            if spent >= MAX_READS + len(cursors):
                more = True
                break
            spent += self._read(state, cursors, need, left, missing)
            heads = [head(cursor) for cursor in cursors if isinstance(cursor, LogCursor) and cursor.pending]
            heapq.heapify(heads)
        delays.keep()
        if any(cursor.full for cursor in cursors):
            blocked = blocked or "logs"
        return Reading(slices, more, [cursor.next_path() for cursor in cursors if not cursor.full], blocked)

    def fetch(self, locations: Iterable[tuple[str, int, int]]) -> dict[tuple[str, int, int], Batch]:
        """Return batches that were handed out before, by (topic, partition, seq); without those that retention deleted."""
        batches: dict[tuple[str, int, int], Batch] = {}
        ask = []
        for location in locations:
            cached = self._cache.get(batch_path(*location))
            if cached is not None:
                batches[location] = cached
            else:
                ask.append(location)
        if not ask:
            return batches
        docs = self._look_ups.read([batch_path(*location) for location in ask], Missing())[0]
        found = {location: Batch(doc) for location, doc in zip(ask, docs, strict=True) if doc is not None}
        trims = self._trims({location[:2] for location in found})
        for location, batch in found.items():
            if location[2] > trims[location[:2]].seq:
                batches[location] = batch
                self._cache.put(batch_path(*location), batch)
        return batches

    def _bound(self, cursors: list[LogCursor | RegistryCursor]) -> int:
        """Return the time up to which all logs are complete, µs."""
        return min(cursor.horizon for cursor in cursors)

    def _stop(
        self, full: LogCursor, cursors: list[LogCursor | RegistryCursor], heads: list[_Head]
    ) -> tuple[list[LogCursor | RegistryCursor], list[_Head], int]:
        """Stop a log that has no room for its delayed events; return the other cursors, their heads and their bound.

        All logs of an ordered topic stop together: no event may overtake an older one in the log that stopped.
        """
        stopped = [
            cursor
            for cursor in cursors
            if cursor is full or (full.ordered and isinstance(cursor, LogCursor) and cursor.topic == full.topic)
        ]
        cursors = [cursor for cursor in cursors if cursor not in stopped]
        heads = [entry for entry in heads if entry[3] not in stopped]
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
                    cursors.append(LogCursor(topic, subscription, -1, _event_filter(state, topic)))
                    continue
                _begin_topic(state, subscription, partitions)
            cursors += self._cursors_of(state, topic)
        return cursors

    def _cursors_of(self, state: State, topic: str) -> list[LogCursor]:
        """Return a cursor for each log of an existing topic."""
        event_filter, subscription = _event_filter(state, topic), state.subscriptions[topic]
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
        missing: Missing,
    ) -> int:
        """Read the next batches of the logs in `need`; return the number of billed reads."""
        before = meter().reads
        windows: list[tuple[LogCursor | RegistryCursor, list[Batch], list[str]]] = []
        width = max(1, MAX_READS // len(need))
        for cursor in need:
            if isinstance(cursor, RegistryCursor):
                windows.append((cursor, [], cursor.window(width)))
                continue
            ahead = self._read_ahead.width((cursor.topic, cursor.partition), cursor.seq)
            windows.append(self._window(cursor, min(width, ahead), missing))
        docs, times = self._look_ups.read([path for _, _, ask in windows for path in ask], missing)
        log_reads, start = [], 0
        for cursor, cached, ask in windows:
            stop = start + len(ask)
            if isinstance(cursor, RegistryCursor):
                for topic in cursor.follow_records(docs[start:stop], times[start:stop]):
                    cursors += self._cursors_of(state, topic)
            elif cursor.partition < 0:
                self._open_new_topic(state, cursor, cursors, docs[start], times[start])
            else:
                log_reads.append(self._log_read(cursor, cached, docs[start:stop], times[start:stop]))
            start = stop
        doubtful = {(read.cursor.topic, read.cursor.partition) for read in log_reads if read.doubtful}
        trims = self._trims(doubtful)
        for read in log_reads:
            point = trims.get((read.cursor.topic, read.cursor.partition))
            if point is not None and point.seq >= read.cursor.seq:
                skip_trimmed(state, read.cursor, point)
            else:
                self._accept(read, events)
        return meter().reads - before

    def _window(self, cursor: LogCursor, width: int, missing: Missing) -> tuple[LogCursor, list[Batch], list[str]]:
        """Return the next batches of a log that are cached, and the paths to read behind them, up to one known as missing."""
        if cursor.partition < 0:
            return cursor, [], [cursor.next_path()]
        cached: list[Batch] = []
        while len(cached) < width:
            batch = self._cache.get(batch_path(cursor.topic, cursor.partition, cursor.seq + len(cached)))
            if batch is None:
                break
            cached.append(batch)
        ask: list[str] = []
        for seq in range(cursor.seq + len(cached), cursor.seq + width):
            ask.append(batch_path(cursor.topic, cursor.partition, seq))
            if ask[-1] in missing:
                break
        return cursor, cached, ask

    def _open_new_topic(
        self, state: State, cursor: LogCursor, cursors: list[LogCursor | RegistryCursor], doc: Doc | None, time: int
    ) -> None:
        """Open the logs of a topic that did not exist when it was subscribed to, if it exists now."""
        if doc is None:
            cursor.horizon, cursor.open = time, False
            return
        _begin_topic(state, cursor.subscription, self._topics.met(cursor.topic, doc).partitions)
        cursors.remove(cursor)
        cursors += self._cursors_of(state, cursor.topic)

    def _log_read(self, cursor: LogCursor, cached: list[Batch], docs: list[Doc | None], times: list[int]) -> LogRead:
        found = list(cached)  # the cache only holds batches known to belong to the log: these are not doubtful
        known_us = found[-1].created if found else cursor.at
        doubtful = False
        for doc, time in zip(docs, times, strict=True):
            if doc is None:
                return LogRead(cursor, found, time, doubtful or time - known_us >= self._safety_window_us)
            doubtful = doubtful or doc.created - known_us >= self._safety_window_us
            found.append(Batch(doc))
            known_us = doc.created
        return LogRead(cursor, found, None, doubtful)

    def _accept(self, read: LogRead, events: int) -> None:
        """Take over the batches of a read, which are known to belong to the log."""
        cursor = read.cursor
        log = (cursor.topic, cursor.partition)
        for batch in read.found:
            self._cache.put(batch_path(*log, batch.seq), batch)
        cursor.pending += read.found
        cursor.seq += len(read.found)
        if read.found:
            cursor.at = cursor.horizon = read.found[-1].created
        if read.missing is not None:
            cursor.open = False
            cursor.at = cursor.horizon = read.missing
            self._read_ahead.ended(log, cursor.seq, read.missing)
        else:
            self._read_ahead.goes_on(log, cursor.seq, read.found, None if cursor.event_filter.filters else events)

    def _trims(self, logs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], TrimPoint]:
        """Read the trim points of these logs."""
        ask = sorted(logs)
        if not ask:
            return {}
        docs = self._store.get_many([log_path(*log) for log in ask]).docs
        return {log: TrimPoint.read(doc) for log, doc in zip(ask, docs, strict=True)}


def _begin_topic(state: State, subscription: Subscription, partitions: int) -> None:
    """Begin to read a topic, which exists now, from its start. Raises BadRequest if a peek would read too many logs."""
    begin_topic(subscription, partitions)
    if state.peeks and followed_logs(state) > state.max_logs:
        raise too_many_logs()


def _event_filter(state: State, topic: str) -> EventFilter:
    return EventFilter(state.name, topic, state.settings_of(state.subscriptions[topic]).filters)
