"""A table of the events that were handled, so that their effects happen once."""

from __future__ import annotations

import time

from pubsubclient._core.arguments import Seconds, check_seconds, shown
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.names import check_name
from pubsubclient._events.received import Received
from pubsubclient._outbox.connections import Connection, Wrapping, changed, check_table, driver_connection, execute
from pubsubclient._outbox.databases import database_of

__all__ = ["ProcessedOnce", "processed_tables"]


class ProcessedOnce:
    """Tells whether an event was handled, in the transaction of the handler's own effects.

    ``if not once.first(connection, event): return`` as the transaction's first statement: what the handler does in this
    database then happens once, however often the event is delivered. Thread-safe.

    Args:
        table: the table's name: 1 to 40 of ``a-z 0-9 _``, first no digit

    Raises:
        InvalidArgument: the name is not valid
    """

    def __init__(self, table: str = "pubsub_processed") -> None:
        self.table = check_table(table)

    def create(self, connection: Connection | Wrapping) -> None:
        """Make the table in the connection's transaction, unless it is there; commit it as any other change.

        Raises:
            ConfigurationError: no connection of sqlite3 or psycopg
        """
        own = driver_connection(connection)
        database_of(own)
        for statement in processed_tables(self.table):
            execute(own, statement)

    def first(self, connection: Connection | Wrapping, event: Received, *, subscriber: str | None = None) -> bool:
        """Whether no committed transaction has handled the event; if so, this transaction does.

        Where another transaction is handling it, the call waits for that one's end, as the database's locks do.

        Args:
            connection: a connection of sqlite3 or psycopg, or a Session or Connection of SQLAlchemy, in the transaction of
                the effects
            event: the event that was received
            subscriber: the subscriber's name, for events without a lease; by default the one that received the event

        Raises:
            InvalidArgument: no event that a subscriber received, and no `subscriber`
            ConfigurationError: no connection of sqlite3 or psycopg
        """
        if not isinstance(event, Received):
            raise InvalidArgument(f"first: expected a received event; got {shown(event)}.")
        name = event.lease.subscriber if subscriber is None else check_name("subscriber", subscriber)
        statement = (
            f"INSERT INTO {self.table} (subscriber, topic, source, id, processed) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - a checked name
            " ON CONFLICT DO NOTHING"
        )
        values = name, event.topic, event.source, event.id, time.time_ns() // 1000
        own = driver_connection(connection)
        return changed(own, database_of(own).sql(statement), values) == 1

    def prune(self, connection: Connection | Wrapping, older_than: Seconds) -> int:
        """Delete what was handled longer ago than `older_than`; commit it as any other change. Returns how many there were.

        An event may come again for as long as its topic keeps it: give the topic's retention (7 days by default) or more.

        Args:
            older_than: seconds or a timedelta

        Raises:
            InvalidArgument: not a number or timedelta from 0
        """
        before = time.time_ns() // 1000 - round(check_seconds("older_than", older_than) * 1_000_000)
        statement = f"DELETE FROM {self.table} WHERE processed < ?"  # noqa: S608 - a checked name
        own = driver_connection(connection)
        return changed(own, database_of(own).sql(statement), (before,))

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.table!r})"


def processed_tables(table: str) -> list[str]:
    """Return the statements that make the table, where it is not there yet."""
    keys = ("subscriber", "topic", "source", "id")
    columns = ", ".join(f"{key} TEXT NOT NULL" for key in keys)
    return [
        f"CREATE TABLE IF NOT EXISTS {table} ({columns}, processed BIGINT NOT NULL, PRIMARY KEY ({', '.join(keys)}))",
        f"CREATE INDEX IF NOT EXISTS {table}_age ON {table} (processed)",
    ]
