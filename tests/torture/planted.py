"""Services with a bug planted: a run, or the simulation, must report each by its right name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import msgspec

from pubsubservice.delivery.cursor import LogCursor
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.log.writer import Log
from pubsubservice.service import Service
from pubsubservice.storage.port import Exists, Fields, Store
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.state import State
from simulation.broken import BROKEN

__all__ = ["PLANTED"]


class _TakenIsMade:
    """A store whose `create` says that it made what was there already."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def create(self, path: str, data: Fields) -> int:
        try:
            return self._store.create(path, data)
        except Exists:
            doc = self._store.get_many([path]).docs[0]
            assert doc is not None
            return doc.created


class ExistsIgnored(Service):
    """A writer takes a batch that was there already for its own."""

    class log_type(Log):
        def __init__(self, store: Store, *parts: Any) -> None:
            super().__init__(_TakenIsMade(store), *parts)  # type: ignore[arg-type]


class AckDropped(Service):
    """Every fifth lease's acks are thanked for and forgotten."""

    class delivery_type(Delivery):
        def get_events(self, request: GetEvents) -> GetEventsResponse:
            settlements = request.settlements
            acks: Sequence[Any] = [ack for ack in settlements.ack if crc32(ack.lease.encode()) % 5]
            return super().get_events(request._replace(settlements=msgspec.structs.replace(settlements, ack=acks)))


class _HastyFilter(EventFilter):
    """Takes a batch whose first event is not wanted for one of which nothing is."""

    def pick(self, lines: Sequence[bytes]) -> int:
        wanted = super().pick(lines)
        return wanted if wanted & 1 else 0


class FilterSkips(Service):
    """A filter that passes over an event moves the position past what it should have let through."""

    class reader_type(Reader):
        def _cursors_of(self, state: State, topic: str) -> list[LogCursor]:
            cursors = super()._cursors_of(state, topic)
            for cursor in cursors:
                cursor.event_filter.__class__ = _HastyFilter
            return cursors


#: by what they break
PLANTED: dict[str, type[Service]] = {
    "append ignores Exists": ExistsIgnored,
    "since ignored": BROKEN["since"],
    "ack dropped": AckDropped,
    "expire deletes before it records": BROKEN["trim point first"],
    "lease by local clock": BROKEN["store time"],
    "filter skips position": FilterSkips,
}
