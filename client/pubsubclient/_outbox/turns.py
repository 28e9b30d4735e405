"""Lets one relay of an outbox work at a time, and wait for what is committed next.

More than one would publish nothing twice, but would do the same work. A turn ends with its process, however that ends.
"""

from __future__ import annotations

import select
import threading
import time
from typing import Any, Protocol

from pubsubclient._outbox.connections import Connection, execute, query

__all__ = ["FileTurn", "PostgresTurn", "Turn"]

#: the first half of the advisory lock's key; the second is the table's object id
_LOCK_SPACE = 0x7075_6273 << 32
#: how often a wait for the server looks whether the relay is to stop, seconds
_SLICE_S = 0.25


class Turn(Protocol):
    """The right to relay an outbox."""

    def take(self) -> bool:
        """Take the right if no other relay has it; returns whether this one has it."""

    def wait(self, timeout_s: float, stopping: threading.Event) -> None:
        """Wait until something may have been committed, at most `timeout_s` seconds."""

    def give_back(self) -> None:
        """Let another relay have it."""


class FileTurn:
    """A lock on an empty database beside the program's SQLite database, held by SQLite.

    The program's own database is not locked, because its writers would wait for as long as a publish takes. A database in
    memory has no file: no other process sees it.
    """

    def __init__(self, connection: Connection, table: str) -> None:
        files = {row[1]: row[2] for row in query(connection, "PRAGMA database_list")}
        connection.rollback()
        self._path = f"{files['main']}-{table}-relay" if files["main"] else ":memory:"
        self._lock: Connection | None = None

    def take(self) -> bool:
        import sqlite3  # noqa: PLC0415 - programs with PostgreSQL need it not

        if self._lock is None:
            lock = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                lock.close()
                if "locked" not in str(error):
                    raise
                return False
            self._lock = lock
        return True

    def wait(self, timeout_s: float, stopping: threading.Event) -> None:
        stopping.wait(timeout_s)

    def give_back(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class PostgresTurn:
    """An advisory lock of the relay's session; NOTIFY ends its waits."""

    def __init__(self, connection: Any, table: str) -> None:
        self._connection = connection
        self._table = table
        self._notified = False
        #: psycopg2 keeps notifications in a list, and calls nobody
        self._hears = hasattr(connection, "add_notify_handler")
        if self._hears:
            connection.add_notify_handler(self._on_notify)
            execute(connection, f"LISTEN {table}")
            connection.commit()

    def take(self) -> bool:
        # of two relays that ask at the same time one gets it; the same session may ask again
        statement = f"SELECT pg_try_advisory_lock({_LOCK_SPACE} + '{self._table}'::regclass::oid::bigint)"
        taken = query(self._connection, statement)[0][0]
        self._connection.commit()
        return bool(taken)

    def wait(self, timeout_s: float, stopping: threading.Event) -> None:
        if not self._hears:
            stopping.wait(timeout_s)
            return
        give_up = time.monotonic() + timeout_s
        # a notice that came with the response to a query was taken then
        while not self._notified and not stopping.is_set() and (left_s := give_up - time.monotonic()) > 0:
            if select.select([self._connection.fileno()], [], [], min(left_s, _SLICE_S))[0]:
                break  # the next query takes it, or fails if the server is gone
        self._notified = False

    def give_back(self) -> None:
        """The connection is closed, which ends its session."""

    def _on_notify(self, _: object) -> None:
        self._notified = True
