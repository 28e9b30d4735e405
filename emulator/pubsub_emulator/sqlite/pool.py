"""A pool of connections to one SQLite file: shared by threads, and closed before a fork."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pubsubservice.storage.port import Refused

__all__ = ["Connections", "refusal"]

#: the most idle connections that stay open
_MAX_IDLE = 8
#: the most readers at once, each with three open files; more readers wait, for milliseconds
_MAX_READERS = 32
#: how long a fork waits for connections in use, seconds
_FORK_WAIT_S = 5.0
#: SQLite's page cache per connection, KiB. Small, because documents are read by key, and seldom twice.
_CACHE_KIB = 512
#: the write-ahead log is truncated to this size after a checkpoint, bytes
_WAL_BYTES = 64 << 20


class Connections:
    """A connection pool. Each connection serves one call at a time; the last one used is lent first, so few are open.

    One thread of the process writes at a time. Writers queue on a lock of the pool, because SQLite itself would wait in
    sleeps that grow to 100 ms.

    SQLite must not cross a fork (https://www.sqlite.org/howtocorrupt.html, 2.6): the library in a child believes that it
    holds its parent's file locks, for new connections as well. So the pool closes all connections before a fork, and
    parent and child open new ones.

    Args:
        path: the database file
        synchronous: SQLite's setting: FULL, NORMAL or OFF
        busy_timeout_s: how long a call waits for its turn, seconds
        in_child: called in a forked child
    """

    def __init__(
        self, path: Path, synchronous: str, busy_timeout_s: float, in_child: Callable[[], None] = lambda: None
    ) -> None:
        self.path = path
        self._loss_logged = False
        self._in_child = in_child
        self._synchronous = synchronous
        self._busy_timeout_s = busy_timeout_s
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        #: device and inode of the file that the connections have open; None before the first connection
        self._identity: tuple[int, int] | None = None
        self._free = threading.Condition(threading.Lock())
        self._writing = threading.Lock()
        self._readers = threading.Semaphore(_MAX_READERS)
        self._idle: list[sqlite3.Connection] = []
        self._in_use = 0
        self._paused = False
        self._closed = False

    def open(self) -> sqlite3.Connection:
        """Open a connection outside of the pool; the caller closes it."""
        connection = sqlite3.connect(
            self.path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection. Raises Refused once the pool is closed; SQLite's errors pass through."""
        if not self._readers.acquire(timeout=self._busy_timeout_s):
            raise Refused(f"{self.path} is busy", busy=True)
        try:
            with self._lend() as connection:
                yield connection
        finally:
            self._readers.release()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a write transaction, which is rolled back unless the caller commits it."""
        if not self._writing.acquire(timeout=self._busy_timeout_s):
            raise Refused(f"{self.path} is busy", busy=True)
        try:
            with self._lend() as connection:  # takes no reader's slot, for which a reader that has to write would wait
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        finally:
            self._writing.release()

    @contextmanager
    def _lend(self) -> Iterator[sqlite3.Connection]:
        connection = self._acquire()
        try:
            yield connection
        finally:
            self._release(connection)

    def close(self) -> None:
        """Close idle connections now, and each one in use when it is released."""
        with self._free:
            self._closed = True
            self._close_idle()

    def check_in_place(self) -> None:
        """Raise Refused, and log one error, if the file was deleted, moved or replaced.

        Writes to such a file would be lost when the last process closes it.
        """
        if self._identity is None or _identity_of(self.path) == self._identity:
            self._loss_logged = False
            return
        if not self._loss_logged:
            self._loss_logged = True
            _logger.error(
                "%s was deleted, moved or replaced: events are not stored any more; restart the emulator", self.path
            )
        raise Refused(
            f"{self.path} was deleted, moved or replaced while it was in use",
            detail="The emulator's files were deleted, moved or replaced while it ran. Start the emulator again.",
        )

    def _acquire(self) -> sqlite3.Connection:
        self.check_in_place()
        with self._free:
            while self._paused:
                self._free.wait()
            if self._closed:
                raise Refused("the store is closed")
            self._in_use += 1
            if self._idle:
                return self._idle.pop()
        try:
            connection = self.open()
            if self._identity is None:
                self._identity = _identity_of(self.path)
            self.check_in_place()
        except BaseException:
            with self._free:
                self._in_use -= 1
            raise
        return connection

    def _release(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # closing the connection rolls back, too
                connection.execute("ROLLBACK")
        with self._free:
            self._in_use -= 1
            if self._closed or connection.in_transaction or len(self._idle) >= _MAX_IDLE:
                connection.close()
            else:
                self._idle.append(connection)
            if self._paused:
                self._free.notify_all()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def before_fork(self) -> None:
        """Close all connections, and make callers wait until the fork is over."""
        with self._free:
            self._paused = True
            self._free.wait_for(lambda: self._in_use == 0, _FORK_WAIT_S)
            self._close_idle()

    def after_fork_in_parent(self) -> None:
        """Let waiting callers continue."""
        with self._free:
            self._paused = False
            self._free.notify_all()

    def after_fork_in_child(self) -> None:
        """Start with new locks: threads that the child does not have may hold the old ones."""
        closed = self._closed
        self._reset()
        self._closed = closed
        self._in_child()


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of the file at `path`; None if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refusal(error: sqlite3.Error, path: Path) -> Refused:
    """Translate SQLite's error: the operation was certainly not done, and `busy` says whether a retry may help."""
    text = str(error)
    detail = None
    if "disk is full" in text or "disk I/O error" in text:
        detail = (
            f"The emulator cannot write its file ({text}). Make room on its disk, then send the same request again."
        )
    return Refused(f"{path}: {text}", busy="locked" in text or "busy" in text, detail=detail)


_logger = logging.getLogger("pubsub_emulator.sqlite")
_all: weakref.WeakSet[Connections] = weakref.WeakSet()


def _before_fork() -> None:
    for connections in list(_all):
        connections.before_fork()


def _after_fork_in_parent() -> None:
    for connections in list(_all):
        connections.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for connections in list(_all):
        connections.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
