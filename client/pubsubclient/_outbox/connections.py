"""What this room needs of the database driver's connections (PEP 249), and the names of its tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Protocol

from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import InvalidArgument

__all__ = ["Connection", "changed", "check_table", "execute", "query"]

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
