"""What differs between databases: SQLite and PostgreSQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._outbox.connections import Connection
from pubsubclient._outbox.turns import FileTurn, PostgresTurn, Turn

__all__ = ["UNSENT", "Database", "database_for", "database_of"]

#: the columns of an outbox that both databases have. `sent` and `created` are times of the day, `first_try` is a time of the
#: store, all in µs
_COLUMNS = """
    topic TEXT NOT NULL,
    event TEXT NOT NULL,
    delay_s DOUBLE PRECISION,
    created BIGINT NOT NULL,
    first_try BIGINT,
    sent BIGINT,
    failed TEXT"""
#: a condition for rows that are to be published
UNSENT = "sent IS NULL AND failed IS NULL"
#: a round reads rows until they have this many characters of JSON, or are this many
_ROUND_CHARACTERS = 8_000_000
_ROUND_ROWS = 500


class Database(ABC):
    """The SQL of one kind of database. Statements have ``?`` where a value goes; `sql` makes the driver's own of it."""

    #: how the driver writes the place of a value
    place: ClassVar[str]
    #: the columns that give the order in which rows are published
    order: ClassVar[str]
    #: a condition for rows that no transaction can come before any more
    settled: ClassVar[str]

    def sql(self, statement: str) -> str:
        """Return a statement as the driver takes it."""
        return statement.replace("?", self.place)

    @abstractmethod
    def outbox_tables(self, table: str) -> list[str]:
        """Return the statements that make an outbox, where it is not there yet."""

    def announcement(self, table: str) -> str:  # noqa: ARG002 - SQLite has none
        """Return the statement that lets the commit of its transaction wake the relay; empty if there is none."""
        return ""

    def adoption(self, table: str) -> str:  # noqa: ARG002 - SQLite needs none
        """Return the statement that readies rows restored from another server's backup; empty if none is needed."""
        return ""

    @abstractmethod
    def turn(self, connection: Connection, table: str) -> Turn:
        """Return what lets one relay at a time work."""

    def next_rows(self, table: str) -> str:
        """Return the query for the rows of the next round."""
        columns, order = "seq, topic, event, delay_s, first_try", self.order
        unsent = f"SELECT * FROM {table} WHERE {UNSENT}{self.settled} ORDER BY {order} LIMIT {_ROUND_ROWS}"  # noqa: S608 - a checked name
        before = f"SUM(LENGTH(event)) OVER (ORDER BY {order}) - LENGTH(event)"
        sized = f"SELECT *, {before} AS characters_before FROM ({unsent}) AS unsent"  # noqa: S608
        return (
            f"SELECT {columns} FROM ({sized}) AS sized WHERE characters_before < {_ROUND_CHARACTERS} ORDER BY {order}"  # noqa: S608
        )


class SQLite(Database):
    """SQLite has one writer at a time, so the rows' numbers are in the order of the commits."""

    place = "?"
    order = "seq"
    settled = ""

    def outbox_tables(self, table: str) -> list[str]:
        return [
            # AUTOINCREMENT, because a number must not come again after its row was deleted
            f"CREATE TABLE IF NOT EXISTS {table} (seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,{_COLUMNS})",
            f"CREATE INDEX IF NOT EXISTS {table}_unsent ON {table} (seq) WHERE {UNSENT}",
        ]

    def turn(self, connection: Connection, table: str) -> Turn:
        return FileTurn(connection, table)


class PostgreSQL(Database):
    """PostgreSQL has many writers: a row's number is drawn before its commit, and lower ones may be committed later.

    So the order is that of the transactions' ids. Rows are read once all transactions with lower ids have ended.
    """

    place = "%s"
    order = "xid, seq"
    settled = " AND xid < pg_snapshot_xmin(pg_current_snapshot())"

    def outbox_tables(self, table: str) -> list[str]:
        columns = f"seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,{_COLUMNS}"
        return [
            f"CREATE TABLE IF NOT EXISTS {table} ({columns}, xid xid8 NOT NULL DEFAULT pg_current_xact_id())",
            f"CREATE INDEX IF NOT EXISTS {table}_unsent ON {table} (xid, seq) WHERE {UNSENT}",
        ]

    def announcement(self, table: str) -> str:
        return f"NOTIFY {table}"  # the server tells it once a transaction, however often it is said

    def adoption(self, table: str) -> str:
        # No transaction of this server has such an id yet, so the row came with a backup of a server that was ahead.
        ahead = "xid >= pg_snapshot_xmax(pg_current_snapshot())"
        return f"UPDATE {table} SET xid = '3' WHERE {UNSENT} AND {ahead}"  # noqa: S608 - a checked name

    def turn(self, connection: Connection, table: str) -> Turn:
        return PostgresTurn(connection, table)


_SQLITE, _POSTGRESQL = SQLite(), PostgreSQL()
_BY_DRIVER: dict[str, Database] = {"sqlite3": _SQLITE, "psycopg": _POSTGRESQL, "psycopg2": _POSTGRESQL}


def database_for(kind: str) -> Database | None:
    """Return the database of a kind, ``sqlite`` or ``postgresql``; None for others."""
    return {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}.get(kind)


def database_of(connection: Connection) -> Database:
    """Return the database behind a connection, which may be of a class derived from the driver's.

    Raises ConfigurationError if it is no connection of a driver that is known.
    """
    for base in type(connection).__mro__:
        found = _BY_DRIVER.get(base.__module__.partition(".")[0])
        if found is not None and not hasattr(connection, "__aenter__"):  # asynchronous connections need another caller
            return found
    kind = f"{type(connection).__module__}.{type(connection).__qualname__}"
    raise ConfigurationError(f"expected a connection of sqlite3 or psycopg; got a {kind}.")
