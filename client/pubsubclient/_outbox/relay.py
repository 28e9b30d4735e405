"""Publishes the rows of an outbox, in order, and each event once."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from queue import SimpleQueue

from pubsubclient._core.errors import ConfigurationError, Forbidden, InvalidArgument, PubSubError, ServiceError
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._outbox.connections import Connection
from pubsubclient._outbox.databases import database_of
from pubsubclient._outbox.rows import Row, StoredEvent
from pubsubclient._outbox.table import OutboxTable
from pubsubclient._publish.errors import PublishError
from pubsubclient._publish.publisher import Publisher
from pubsubclient._worker.signal_handlers import handling_signals

__all__ = ["Relay"]

#: how long a relay waits for a notice of new rows, and for its turn, seconds
_POLL_S = 1.0
#: the pause after a failure doubles up to this, seconds
_MAX_PAUSE_S = 30.0
#: how long a stop waits for the request under way, seconds. What is cut is published again later, and stored once
_STOP_S = 10.0
#: refusals of an event: another try would not change them. Others (403, or a proxy's) may be over once somebody acts
_EVENT_REFUSED = frozenset({400, 409, 413, 422})

_log = logging.getLogger("pubsubclient.outbox")


class Relay:
    """Publishes what an outbox holds. One relay of an outbox works at a time; others stand by. Made by `Outbox.relay`.

    Used as a context manager, it publishes in a thread of its own until the end of the block.

    Args:
        table: the outbox's table
        connect: returns a new connection
        publisher: the name to publish under
        keep_s: how long rows of published events stay, seconds
        service: as for `Publisher`; looked for when the relay begins
    """

    def __init__(
        self,
        table: str,
        connect: Callable[[], Connection],
        *,
        publisher: str,
        keep_s: float,
        service: Address | Service | None,
    ) -> None:
        self.table = table
        self._connect = connect
        self._name = publisher
        self._keep_s = keep_s
        self._address = service
        self._stopping = threading.Event()
        #: wakes up `run`, by the number of a signal or 0; `SimpleQueue`, because a signal handler may put into it at any point
        self._told: SimpleQueue[int] = SimpleQueue()
        self._publisher: tuple[Service, Publisher] | None = None
        #: why events wait, as it was logged, and how long the last pause was
        self._reason, self._pause_s = "", _POLL_S / 2
        self._thread: threading.Thread | None = None

    def run_once(self) -> int:
        """Publish all that is committed, and return how many events it published; 0 if another relay is at work.

        Raises:
            ConfigurationError: no service is configured
            PubSubError: the service cannot be reached, or refuses this publisher; what is left stays in the outbox
            Exception: what the database's driver raises
        """
        with self._session() as table:
            return self._publish_all(table) if table.turn.take() else 0

    def run(self) -> int:
        """Publish what is committed until SIGTERM or SIGINT; returns 0. In the main thread.

        Raises:
            ConfigurationError: no service is configured
        """
        with handling_signals(self._told.put), self:
            while not self._stopping.is_set():
                if self._told.get() in {signal.SIGTERM, signal.SIGINT}:
                    self._stopping.set()
        return 0

    def stop(self) -> None:
        """Ask the relay to end. Returns at once."""
        self._stopping.set()
        self._told.put(0)

    def __enter__(self) -> Relay:
        """Begin to publish, in a thread of the relay's own."""
        find_service(self._address)  # a mistake is told here, and not in the thread
        self._thread = threading.Thread(target=self._live, name="outbox-relay", daemon=True)
        self._thread.start()
        return self

    def __repr__(self) -> str:
        return f"<Relay of {self.table}>"

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    # -- sessions: a connection, until it fails

    def _live(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except Exception as error:  # noqa: BLE001, PERF203 - the drivers' errors have no common base
                self._stopping.wait(self._failed(error))

    def _work(self) -> None:
        """Publish what is committed, and wait for more, until a stop."""
        with self._session() as table:
            while not self._stopping.is_set():
                if table.turn.take():
                    self._publish_all(table)
                    self._recovered()
                table.turn.wait(_POLL_S, self._stopping)

    def _failed(self, error: Exception) -> float:
        """Log why events wait, once for each reason; returns how long to wait, seconds."""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if reason != self._reason:
            _log.warning("The outbox %s: events wait: %s", self.table, reason)
        self._reason = reason
        self._pause_s = min(2 * self._pause_s, _MAX_PAUSE_S)
        return self._pause_s

    def _recovered(self) -> None:
        if self._reason:
            _log.info("The outbox %s: events do not wait any more.", self.table)
        self._reason, self._pause_s = "", _POLL_S / 2

    @contextmanager
    def _session(self) -> Iterator[OutboxTable]:
        connection = self._connect()
        try:
            table = OutboxTable(connection, database_of(connection), self.table, self._keep_s)
            table.adopt_restored()
            try:
                yield table
            finally:
                table.turn.give_back()
        finally:
            connection.close()

    # -- rounds

    def _publish_all(self, table: OutboxTable) -> int:
        published = 0
        while not self._stopping.is_set() and (rows := table.next_rows()):
            # Rows that were tried before go apart: only their publish has to search far.
            for (_, first_try, _), group in groupby(_by_topic(rows), key=_together):
                published += self._publish(table, list(group), first_try)
        if published:
            table.delete_old()
        return published

    def _publish(self, table: OutboxTable, rows: list[Row], first_try: int | None) -> int:
        """Publish rows of one topic, and write down what became of them. Raises PubSubError if they have to wait."""
        service = find_service(self._address)
        if self._publisher is None or self._publisher[0] != service:
            self._publisher = service, Publisher(self._name, service=service)
        publisher = self._publisher[1]
        tried_before = first_try is not None
        if first_try is None:
            first_try = Transport.to(service).clock.now_us()
            if first_try is None:
                raise ConfigurationError(f"{service!r} tells no time of its store; is it a service of this package?")
            # Committed before the first try: whoever goes on after a crash knows how far back the events may be stored.
            if not table.mark_tried(rows, first_try):
                return 0
        events = [StoredEvent(row, service.store, first_try) for row in rows]
        sent: list[int] = []
        refused: dict[int, str] = {}
        try:
            _send(publisher, events, rows[0].delay_s, far=tried_before, sent=sent, refused=refused)
        finally:
            table.mark_done(sent, refused)
            for event in events:
                if (why := refused.get(event.seq)) is not None:
                    _log.error("The outbox %s: event %s of %s is set aside: %s", self.table, event.id, event.topic, why)
        return len(sent)


def _send(
    publisher: Publisher,
    events: Sequence[StoredEvent],
    delay_s: float | None,
    *,
    far: bool,
    sent: list[int],
    refused: dict[int, str],
) -> None:
    """Publish events of one topic. A request is refused as a whole, so it is halved until each bad event is found.

    `sent` and `refused` get the numbers of the events, also if it raises PubSubError.
    """
    try:
        publisher.publish(events, delay=delay_s, far=far)
    except (PublishError, InvalidArgument) as error:
        left = events
        reason: PubSubError = error
        if isinstance(error, PublishError):
            sent += [event.seq for event, receipt in zip(events, error.receipts, strict=True) if receipt is not None]
            left = [event for event, receipt in zip(events, error.receipts, strict=True) if receipt is None]
            reason = error.reason
            if not _is_refusal(reason):
                raise
        if (
            len(left) == 1 or getattr(reason, "code", "") == "too_far"
        ):  # each search for too_far costs thousands of reads
            refused.update({event.seq: str(reason) for event in left})
            return
        middle = len(left) // 2
        for half in (left[:middle], left[middle:]):
            _send(publisher, half, delay_s, far=far, sent=sent, refused=refused)
    else:
        sent += [event.seq for event in events]


def _is_refusal(reason: PubSubError) -> bool:
    return (
        isinstance(reason, ServiceError)
        and not isinstance(reason, Forbidden)
        and reason.status in _EVENT_REFUSED
        and not reason.code.startswith("http_")
    )


def _by_topic(rows: Sequence[Row]) -> list[Row]:
    """Bring the rows of a topic together, in their order; topics in the order of their first rows."""
    first = {row.topic: index for index, row in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda row: first[row.topic])


def _together(row: Row) -> tuple[str, int | None, float | None]:
    return row.topic, row.first_try, row.delay_s
