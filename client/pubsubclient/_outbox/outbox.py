"""A table of events that are published once the transaction that added them is committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from pubsubclient._core.arguments import Seconds, check_seconds, shown
from pubsubclient._core.errors import ConfigurationError, InvalidArgument
from pubsubclient._core.json import decode
from pubsubclient._core.names import check_name
from pubsubclient._events.event import Event
from pubsubclient._events.lease import check_delay
from pubsubclient._events.topic import T, Topic
from pubsubclient._http.service import Address, Service
from pubsubclient._outbox.connections import (
    Connection,
    Wrapping,
    changed,
    check_table,
    driver_connection,
    execute,
    query,
)
from pubsubclient._outbox.databases import database_of
from pubsubclient._publish.chunks import new_event

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers
    from pubsubclient._outbox.relay import Relay

__all__ = ["Outbox", "SetAside"]

_DAY_S = 86_400


class SetAside(NamedTuple):
    """An event that the service refuses, as `Outbox.failed` lists it."""

    #: its row's number
    seq: int
    topic: str
    #: the event's id
    id: str
    #: when it was added
    created: datetime
    #: the service's words
    reason: str


class Outbox:
    """A table in the program's database. What a transaction adds is published after its commit, and never without it.

    A relay publishes it: in a worker (`App.relay`), by ``pubsub relay module:outbox``, or `relay` in a program of one's own.
    Makes no request and opens no connection until it is used. Thread-safe.

    Args:
        table: the table's name: 1 to 40 of ``a-z 0-9 _``, first no digit
        connect: returns a new connection of sqlite3 or psycopg, for the relay alone. Not needed by programs that only add
        publisher: the name that the events are published under; by default the table's
        keep: how long rows of published events stay, seconds or a timedelta; 0: they are deleted at once

    Raises:
        InvalidArgument: an argument is not valid
    """

    def __init__(
        self,
        table: str = "pubsub_outbox",
        *,
        connect: Callable[[], Connection] | None = None,
        publisher: str | None = None,
        keep: Seconds = _DAY_S,
    ) -> None:
        self.table = check_table(table)
        self.publisher = check_name("publisher", table.strip("_") if publisher is None else publisher)
        self.keep_s = check_seconds("keep", keep)
        if connect is not None and not callable(connect):
            raise InvalidArgument(f"connect: expected a function that returns a connection; got {shown(connect)}.")
        self._connect = connect

    def create(self, connection: Connection | Wrapping) -> None:
        """Make the table in the connection's transaction, unless it is there; commit it as any other change.

        Raises:
            ConfigurationError: no connection of sqlite3 or psycopg
        """
        own = driver_connection(connection)
        for statement in database_of(own).outbox_tables(self.table):
            execute(own, statement)

    @overload
    def add(self, connection: Connection | Wrapping, event: Event, /, *, delay: Seconds | None = None) -> Event: ...
    @overload
    def add(
        self,
        connection: Connection | Wrapping,
        topic: Topic[T],
        /,
        data: T,
        *,
        delay: Seconds | None = None,
        **event: Unpack[EventMembers],
    ) -> Event: ...
    @overload
    def add(
        self,
        connection: Connection | Wrapping,
        topic: Topic[Any],
        /,
        *,
        delay: Seconds | None = None,
        **event: Unpack[EventMembers],
    ) -> Event: ...
    @overload
    def add(
        self,
        connection: Connection | Wrapping,
        topic: str,
        /,
        data: Any = None,
        *,
        delay: Seconds | None = None,
        **event: Unpack[EventMembers],
    ) -> Event: ...

    def add(
        self,
        connection: Connection | Wrapping,
        first: Event | Topic[Any] | str,
        /,
        *data: Any,
        delay: Seconds | None = None,
        **event: Any,
    ) -> Event:
        """Add an event, or data for a topic, in the connection's transaction; the commit is the program's.

        Args:
            connection: a connection of sqlite3 or psycopg, or a Session or Connection of SQLAlchemy, in the transaction that
                the event belongs to
            first: an event, or the topic of the event to make
            data: with a topic: the event's data
            event: with a topic: ``type``, ``subject``, ``id``, ``time``, ``attributes`` of the event, as for `Event`
            delay: deliver the event no earlier than this many seconds after it is stored; as for `Publisher.publish`

        Returns:
            the event, with the id that it will have

        Raises:
            InvalidArgument: an argument is no event, or the event is larger than 900,000 bytes; nothing was added
            ConfigurationError: no connection of sqlite3 or psycopg
        """
        if isinstance(first, Event):
            if data or event:
                raise InvalidArgument("add takes an event alone, or a topic with the members of the event to make.")
            added = first
        elif isinstance(first, Topic | str):
            added = new_event(first, data, event)
        else:
            raise InvalidArgument(f"add takes an event, or a topic and data; got {shown(first)}.")
        line = added.encode(f"/publishers/{self.publisher}").decode()
        delay_s = None if delay is None else check_delay(delay)
        own = driver_connection(connection)
        database = database_of(own)
        statement = f"INSERT INTO {self.table} (topic, event, delay_s, created) VALUES (?, ?, ?, ?)"  # noqa: S608 - a checked name
        execute(own, database.sql(statement), (added.topic, line, delay_s, _now_us()))
        if announcement := database.announcement(self.table):
            execute(own, announcement)
        return added

    def relay(self, service: Address | Service | None = None) -> Relay:
        """Return what publishes the events: ``outbox.relay().run_once()``, or ``run()`` until a signal.

        Args:
            service: as for `Publisher`; looked for when the relay begins

        Raises:
            ConfigurationError: the outbox was made without `connect`
        """
        from pubsubclient._outbox.relay import Relay  # noqa: PLC0415 - programs that only add need no publisher

        self._connects()
        return Relay(self.table, self.open, publisher=self.publisher, keep_s=self.keep_s, service=service)

    def open(self) -> Connection:
        """Open a connection by `connect`. Raises ConfigurationError if the outbox was made without it."""
        return self._connects()()

    def _connects(self) -> Callable[[], Connection]:
        if self._connect is None:
            raise ConfigurationError(
                f"{self!r} has no connections of its own: Outbox({self.table!r}, connect=…), a function that opens one."
            )
        return self._connect

    def failed(self, connection: Connection | Wrapping) -> list[SetAside]:
        """Return the events that the service refuses, which the relay has set aside, the oldest first."""
        statement = f"SELECT seq, topic, event, created, failed FROM {self.table} WHERE failed IS NOT NULL ORDER BY seq"  # noqa: S608
        return [
            SetAside(seq, topic, decode(line.encode())["id"], _time_of(created), reason)
            for seq, topic, line, created, reason in query(driver_connection(connection), statement)
        ]

    def retry(self, connection: Connection | Wrapping) -> int:
        """Let the relay try again what was set aside; commit it as any other change. Returns how many events that is."""
        statement = f"UPDATE {self.table} SET failed = NULL WHERE failed IS NOT NULL"  # noqa: S608 - a checked name
        return changed(driver_connection(connection), statement)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.table!r})"


def _now_us() -> int:
    return time.time_ns() // 1000


def _time_of(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us / 1_000_000, timezone.utc)
