"""The connections to one SQLite file: opened, shared by threads, and kept out of forked children."""

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

#: connections kept open while nobody uses them
_MAX_IDLE = 8
#: readers at once, each with three open files; the others wait, for milliseconds
_MAX_READERS = 32
#: how long a fork waits for calls under way
_FORK_WAIT_S = 5.0
#: SQLite's page cache per connection, KiB. Documents are read by key, seldom twice: more only costs memory.
_CACHE_KIB = 512
#: the write-ahead log is cut back to this after a checkpoint, bytes
_WAL_BYTES = 64 << 20


class Connections:
    """A pool: each connection serves one call at a time, the one used last first, so few are ever open.

    One thread of the process writes at a time. They queue on a lock here, since SQLite's own waiting is a
    sleep that grows to 100 ms.

    SQLite must not cross a fork (https://www.sqlite.org/howtocorrupt.html, 2.6): a child inherits the belief
    that it holds its parent's file locks, for connections of its own as well. So all are closed before a
    fork, there is nothing to inherit, and both sides open new ones. `in_child` is called in the child.
    """

    def __init__(
        self, path: Path, synchronous: str, busy_timeout_s: float, in_child: Callable[[], None] = lambda: None
    ) -> None:
        self.path = path
        self._said = False
        self._in_child = in_child
        self._synchronous = synchronous
        self._busy_timeout_s = busy_timeout_s
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        #: which file the connections have; None before the first
        self._identity: tuple[int, int] | None = None
        self._free = threading.Condition(threading.Lock())
        self._writing = threading.Lock()
        self._readers = threading.Semaphore(_MAX_READERS)
        self._idle: list[sqlite3.Connection] = []
        self._in_use = 0
        self._paused = False
        self._closed = False

    def open(self) -> sqlite3.Connection:
        """Open a connection of the caller's own."""
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
        """Lend a connection. Raises Refused once the store is closed; what SQLite raises passes through."""
        if not self._readers.acquire(timeout=self._busy_timeout_s):
            raise Refused(f"{self.path} is busy", busy=True)
        try:
            with self._lend() as connection:
                yield connection
        finally:
            self._readers.release()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a write transaction; what the caller does not commit is rolled back."""
        if not self._writing.acquire(timeout=self._busy_timeout_s):
            raise Refused(f"{self.path} is busy", busy=True)
        try:
            with self._lend() as connection:  # a reader may need to write, and must not wait for other readers
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        finally:
            self._writing.release()

    @contextmanager
    def _lend(self) -> Iterator[sqlite3.Connection]:
        connection = self._take()
        try:
            yield connection
        finally:
            self._give(connection)

    def close(self) -> None:
        """Close the idle ones now, those in use as they come back."""
        with self._free:
            self._closed = True
            self._close_idle()

    def check_in_place(self) -> None:
        """Refuse to go on with a file that was deleted or moved: what is written to it is gone with the last process.

        Raises Refused, and says so on the log once.
        """
        if self._identity is None or _identity_of(self.path) == self._identity:
            self._said = False
            return
        if not self._said:
            self._said = True
            _logger.error("%s was deleted, moved or replaced: nothing is stored any more; start again", self.path)
        raise Refused(
            f"{self.path} was deleted, moved or replaced while it was in use",
            detail="The emulator's files were deleted, moved or replaced while it ran. Start the emulator again.",
        )

    def _take(self) -> sqlite3.Connection:
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

    def _give(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # closing does it too
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
        """Close everything; callers wait until the fork is over."""
        with self._free:
            self._paused = True
            self._free.wait_for(lambda: self._in_use == 0, _FORK_WAIT_S)
            self._close_idle()

    def after_fork_in_parent(self) -> None:
        """Let the callers go on."""
        with self._free:
            self._paused = False
            self._free.notify_all()

    def after_fork_in_child(self) -> None:
        """Begin anew: locks may be held by threads that did not come along."""
        closed = self._closed
        self._renew()
        self._closed = closed
        self._in_child()


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Which file a path means, whatever it is called; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refusal(error: sqlite3.Error, path: Path) -> Refused:
    """Say of SQLite's error what it means: surely not done, and whether trying again may help."""
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
