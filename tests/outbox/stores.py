"""The databases that the tests run on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

__all__ = ["DATABASES", "OTHER_SESSIONS", "connector", "rows"]

#: a condition for the sessions of PostgreSQL in the same schema
OTHER_SESSIONS = "application_name = current_setting('application_name') AND pid <> pg_backend_pid()"

DATABASES = ("sqlite", "postgres")


def connector(address: str) -> Callable[[], Any]:
    """What opens connections: of sqlite3 for a path, of psycopg for ``host=…``."""
    if address.startswith("host="):
        return lambda: psycopg.connect(address)
    return lambda: sqlite3.connect(address, timeout=60)


def rows(address: str, statement: str) -> list[Any]:
    """The rows that a query finds now."""
    with closing(connector(address)()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
