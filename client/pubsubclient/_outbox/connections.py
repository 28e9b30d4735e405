"""What this room needs of the database driver's connections (PEP 249), and the names of its tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from inspect import iscoroutine
from typing import Any, Protocol

from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import ConfigurationError, InvalidArgument

__all__ = ["Connection", "Wrapping", "changed", "check_table", "driver_connection", "execute", "query"]

_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,39}")


class Connection(Protocol):
    """A connection of sqlite3 or psycopg."""

    def cursor(self) -> Any:
        """Return a new cursor."""

    def commit(self) -> Any:
        """Commit the transaction."""

    def rollback(self) -> Any:
        """Roll the transaction back."""

    def close(self) -> Any:
        """Close the connection."""


class Wrapping(Protocol):
    """A Session or Connection of SQLAlchemy."""

    @property
    def connection(self) -> Any:
        """What it wraps: an attribute, or a method that begins a transaction if none is begun."""


def driver_connection(given: Connection | Wrapping) -> Connection:
    """Return the driver's connection, in its transaction; the one behind a Session or Connection of SQLAlchemy."""
    found: Any = given
    while not hasattr(found, "cursor") and (wrapped := getattr(found, "connection", None)) is not None:
        found = wrapped() if callable(wrapped) else wrapped
        if iscoroutine(found):
            found.close()
            raise ConfigurationError(f"{type(given).__qualname__} is asynchronous: use its run_sync with a Session.")
    own: Connection = getattr(found, "driver_connection", found)
    return own


def check_table(name: object) -> str:
    """Return the name of a table if it needs no quotes anywhere. Raises InvalidArgument."""
    if not isinstance(name, str) or not _TABLE.fullmatch(name):
        raise InvalidArgument(f"table: expected 1 to 40 characters of a-z 0-9 _, first no digit; got {shown(name)}.")
    return name


def execute(connection: Connection, statement: str, values: Sequence[Any] = ()) -> None:
    """Run a statement in the connection's transaction."""
    changed(connection, statement, values)


def changed(connection: Connection, statement: str, values: Sequence[Any] = ()) -> int:
    """Run a statement in the connection's transaction, and return how many rows it has changed."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def query(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run a query in the connection's transaction, and return its rows."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
