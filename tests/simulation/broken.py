"""The service with one rule left out: each of these must be found by the simulation, or it proves nothing."""

from __future__ import annotations

from typing import Any

from pubsubservice.delivery.cursor import LogCursor
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.delivery.peek import Peeking
from pubsubservice.delivery.reader import Reader
from pubsubservice.log.group_commit import Append
from pubsubservice.log.retention import Expire
from pubsubservice.log.tail import Tail
from pubsubservice.log.writer import Log
from pubsubservice.service import Service
from pubsubservice.storage.paths import log_path
from pubsubservice.storage.port import Doc, Reads
from pubsubservice.subscribers.registry_cursor import RegistryCursor
from pubsubservice.subscribers.state import State

from .broken_memory import MEMORY_RULES
from .broken_removals import REMOVAL_RULES
from .broken_retention import RETENTION_RULES
from .broken_rules import RULES


class NoTimeCheck(Service):
    """A writer takes whatever it created for the log's next batch, however late it comes."""

    class log_type(Log):
        def _proves(self, doc: Doc, tail: Tail) -> bool:
            return True

        def _load_tail(self) -> Tail:
            self._tail_at = self._runtime.monotonic()
            return super()._load_tail()


class SinceIgnored(Service):
    """A writer looks back no further than what it happens to know."""

    class log_type(Log):
        def _look_back_to(self, group: list[Append], tail: Tail) -> list[int | None]:
            return []


class FarIgnored(Service):
    """A publish is compared with what the last minutes brought, also if it was first tried before."""

    def _find_far(self, append: Append, topic: str, partition: int, since: int) -> None:
        pass


class FarSearchOnly(Service):
    """What comes between the search in old batches and the commit is not looked at."""

    def _find_far(self, append: Append, topic: str, partition: int, since: int) -> None:
        super()._find_far(append, topic, partition, since)
        append.unlimited_lookback = False


class DeletesFirst(Service):
    """Retention deletes before it records the trim point."""

    class expire_type(Expire):
        def expire_log(self, topic: str, partition: int, retention_us: int, max_batches: int) -> tuple[int, bool]:
            from pubsubservice.log.trim_point import TrimPoint

            path = log_path(topic, partition)
            log = self._store.get_many([path]).docs[0]
            point = TrimPoint.read(log)
            cut, more = self._next_trim_point(topic, partition, point, retention_us, max_batches)
            if cut != point:
                self._delete_batches(topic, partition, point.seq, cut.seq)
                self._write_trim_point(path, log, cut, swept=cut.seq)
            return cut.seq - point.seq, more


class ProcessTime(Service):
    """Leases are judged by the clock of the process."""

    class delivery_type(Delivery):
        def _now(self, reads: Reads) -> int:
            return reads.time + round(self._runtime.monotonic() % 20 * 1_000_000)  # ahead, by up to 20 s


class TrimIgnored(Service):
    """A reader that misses a batch takes it for not yet written."""

    class reader_type(Reader):
        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            self._safety_window_us = 10**18


class BoundIgnored(Service):
    """A reader hands out what it found in one log without waiting for the others."""

    class reader_type(Reader):
        def _bound(self, cursors: object) -> int:
            return 10**18


class RegistryUnbound(Service):
    """A reader hands out events without waiting for the topics that it may not know yet."""

    class reader_type(Reader):
        def _bound(self, cursors: list[LogCursor | RegistryCursor]) -> int:
            return super()._bound([cursor for cursor in cursors if isinstance(cursor, LogCursor)] or cursors)


class Unrecorded(Service):
    """A topic takes batches before the registry has it."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.topics._registry.append = lambda topic: None  # type: ignore[method-assign]


class CursorTimes(Service):
    """A peek believes that the log was complete up to its cursor a moment ago, as a cursor of old would say."""

    class peeking_type(Peeking):
        def _resume(self, cursor: str) -> State:
            state = super()._resume(cursor)
            for subscription in state.subscriptions.values():
                for position in subscription.positions:
                    position.at = 1 << 60
            return state


class CursorOfBatches(Service):
    """A cursor names batches, and not the events in them."""

    class peeking_type(Peeking):
        def _resume(self, cursor: str) -> State:
            state = super()._resume(cursor)
            for subscription in state.subscriptions.values():
                for position in subscription.positions:
                    position.offset = 0
            return state


#: the rules by what they are called, with the service that lacks them
BROKEN: dict[str, type[Service]] = {
    "time check on append": NoTimeCheck,
    "since": SinceIgnored,
    "far looks back however long": FarIgnored,
    "far looks back from its search on": FarSearchOnly,
    "trim point first": DeletesFirst,
    "store time": ProcessTime,
    "trim point read": TrimIgnored,
    "complete up to a bound": BoundIgnored,
    "the registry bounds what goes out": RegistryUnbound,
    "a record before the first batch": Unrecorded,
    "a peek looks for what was trimmed": CursorTimes,
    "a peek goes on where it stopped": CursorOfBatches,
    **RULES,
    **MEMORY_RULES,
    **RETENTION_RULES,
    **REMOVAL_RULES,
}
