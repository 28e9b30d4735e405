"""Peeks at topics: reads events without a subscriber, and writes nothing.

A peek is delivery without a document: the reader of subscribers reads on from a state that travels in a cursor. So order,
completeness, trimmed events and patterns are those of a subscriber. Nothing is leased, held back or filtered out beyond the
filters that the caller names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pubsubservice.core.patterns import is_pattern
from pubsubservice.core.runtime import Runtime
from pubsubservice.delivery.peek_cursor import decode_cursor, encode_cursor, new_state, too_many_logs
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.slices import Slice
from pubsubservice.delivery.waiters import Waiters
from pubsubservice.log.registry import Registry
from pubsubservice.log.seek import LATEST, Seeker, StartPosition
from pubsubservice.log.topics import Topics
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import State

__all__ = ["Newest", "Peek", "PeekResponse", "Peeking"]

#: later than any time: no event is held back until its delay ends
_NEVER = 1 << 62


class Newest(NamedTuple):
    """A place to begin: with the newest events of all topics together."""

    events: int


class Peek(NamedTuple):
    """A checked request to peek: `topics` to begin, or the cursor of an earlier response to read on."""

    #: topics and patterns; empty with a cursor
    topics: Sequence[str] = ()
    start: StartPosition | Newest = LATEST
    #: filters in their stored form; empty for all events
    filters: bytes = b""
    cursor: str | None = None
    #: a subscriber: tell what became of each event for it; None for nobody
    of: str | None = None
    max_events: int = 100
    wait_s: float = 0.0


class PeekResponse(NamedTuple):
    """The result of a peek."""

    slices: Sequence[Slice]
    cursor: str
    #: more events may be available now
    more: bool
    #: count of events that retention deleted before this peek read them, per topic
    lost: Mapping[str, int] = MappingProxyType({})
    #: {topic: {sequence: state}} for the subscriber that was asked for
    states: Mapping[str, Mapping[str, str]] | None = None
    #: too many calls wait already in this process: try again a little later
    crowded: bool = False


class Peeking:
    """Serves peeks in one process."""

    def __init__(self, store: Store, runtime: Runtime, topics: Topics, reader: Reader, waiters: Waiters) -> None:
        self._store = store
        self._runtime = runtime
        self._topics = topics
        self._reader = reader
        self._waiters = waiters
        self._seeker = Seeker(store)
        self._registry = Registry(store, runtime)

    def peek(self, request: Peek) -> PeekResponse:
        """Return the next events, and a cursor that continues behind them. Raises BadRequest, Unavailable, StoreError."""
        until = self._runtime.monotonic() + request.wait_s
        state = self._begin(request) if request.cursor is None else self._resume(request.cursor)
        response, paths = self._read(state, request.max_events)
        if response.slices or response.more or not request.wait_s:
            return response
        with self._waiters.enter() as admitted:
            if not admitted:
                return response._replace(crowded=True)
            while not response.slices and not response.more:
                left = until - self._runtime.monotonic()
                if left <= 0:
                    break
                if not self._store.wait_for(paths, left):
                    break
                response, paths = self._read(state, request.max_events)
        return response

    def _read(self, state: State, max_events: int) -> tuple[PeekResponse, list[str]]:
        """Read on, and move the state behind the events; also returns the documents to watch for more."""
        reading = self._reader.new_events(state, max_events, _NEVER)
        if reading.blocked == "logs":
            raise too_many_logs()
        return PeekResponse(reading.slices, encode_cursor(state), reading.more, dict(state.lost)), reading.next_paths

    def _resume(self, cursor: str) -> State:
        return decode_cursor(cursor)

    def _begin(self, request: Peek) -> State:
        """Return a state at the start of the named topics."""
        state = new_state()
        for name in request.topics:
            state.subscriptions[name] = Subscription(state.new_number(), 0, filters=request.filters)
        named = [name for name in request.topics if not is_pattern(name)]
        partitions = {name: topic.partitions for name, topic in self._topics.get_many(named).items()}
        if sum(partitions.get(name, 1) for name in named) > state.max_logs:
            raise too_many_logs()
        if isinstance(request.start, Newest):
            positions = self._seeker.newest(partitions, request.start.events)
        else:
            positions = {name: self._seeker.positions(name, partitions[name], request.start) for name in partitions}
        for name, found in positions.items():
            state.subscriptions[name].positions = found
        self._begin_patterns(state, [name for name in request.topics if is_pattern(name)], request.start)
        return state

    def _begin_patterns(self, state: State, patterns: Sequence[str], start: StartPosition | Newest) -> None:
        """Let patterns find their topics in the registry, from its beginning; those that exist now begin at `start`."""
        if not patterns:
            return
        newest, now = self._registry.tail()
        for pattern in patterns:
            subscription = state.subscriptions[pattern]
            subscription.upto = newest
            subscription.begin = now + 1 if start == LATEST else start if isinstance(start, int) else 0
