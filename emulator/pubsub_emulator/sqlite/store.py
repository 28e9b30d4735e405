"""The storage port over a SQLite file: durable, and shared by the threads and processes of one machine.

Why it keeps the port's promises on time: every commit takes its time from the clock row while it holds SQLite's only write
lock, so commit times rise strictly. A read takes its time from the clock row *of the snapshot it reads*, so every commit
that it does not see has a later time. (The machine's clock would be wrong as a read time: a commit may have taken an
earlier time already, and not be visible yet.)
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pubsub_emulator.document_limits import check_collection, split
from pubsub_emulator.errors import DataDirError, NewerFormatError
from pubsub_emulator.sqlite.documents import decode, encode
from pubsub_emulator.sqlite.pool import Connections, refusal
from pubsub_emulator.sqlite.watch import Watch
from pubsubservice.core.meter import meter
from pubsubservice.storage.port import Changed, Doc, Exists, Fields, Page, Reads, Refused, Unknown

__all__ = ["FORMAT", "SQLiteStore"]

#: version of the file's format; the store refuses a file with a higher one
FORMAT = 1

#: the oldest SQLite with RETURNING; Python uses the system's SQLite, which may be older
_MIN_SQLITE = (3, 35)
#: a reader moves the clock first if it is further behind the machine's time than this, µs; the port allows 1 s
_IDLE_US = 500_000
#: how far the machine's clock may be behind the store's before the store corrects its offset, µs
_STEP_BACK_US = 1_000_000

_SCHEMA = (
    # clock: time of the newest commit; offset: store time minus machine time; both µs
    """CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 0), format INTEGER NOT NULL,
       clock INTEGER NOT NULL, offset INTEGER NOT NULL)""",
    # A table with an index, not WITHOUT ROWID, which would put the blobs into the B-tree that is searched.
    """CREATE TABLE IF NOT EXISTS docs (key INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL,
       created INTEGER NOT NULL, updated INTEGER NOT NULL, data BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS docs_by_id ON docs (collection, id)",
)
_TICK = "UPDATE meta SET clock = max(clock + 1, ? + offset) RETURNING clock, offset"
_CLOCK = "SELECT clock, offset FROM meta"
_GET = "SELECT created, updated, data FROM docs WHERE collection = ? AND id = ?"
_EXISTS = "SELECT 1 FROM docs WHERE collection = ? AND id = ?"
_LIST = "SELECT id, created, updated, data FROM docs WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"
_CREATE = "INSERT INTO docs (collection, id, created, updated, data) VALUES (?, ?, ?, ?, ?)"
_UPDATE = "UPDATE docs SET data = ?, updated = ? WHERE collection = ? AND id = ? AND updated = ?"
_DELETE = "DELETE FROM docs WHERE collection = ? AND id = ?"
_REMOVE = f"{_DELETE} AND updated = ?"


def _make_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite does, which gives its other files the same. Raises DataDirError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if hasattr(os, "fchmod") and os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        for name in ("-wal", "-shm"):
            with suppress(OSError):
                path.with_name(path.name + name).chmod(0o600)
    except OSError as error:
        raise DataDirError(f"cannot use {path}: {error.strerror}") from error


def _machine_time_us() -> int:
    return time.time_ns() // 1000


class SQLiteStore:
    """The storage port (`pubsubservice.storage.port.Store`) over a SQLite file.

    Args:
        path: the file, created if missing
        synchronous: SQLite's setting. FULL: a commit survives a power loss; OFF: only a kill of the process
        now: returns the machine's time, µs
        busy_timeout_s: how long a call waits for its turn before it raises Refused, seconds

    Raises:
        DataDirError: the file cannot be used
        NewerFormatError: a newer program wrote the file
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: str = "FULL",
        now: Callable[[], int] = _machine_time_us,
        busy_timeout_s: float = 10.0,
    ) -> None:
        self.path = Path(
            path
        ).absolute()  # absolute, because later connections open it again, perhaps from another working directory
        self._now = now
        self._watch = Watch(self._version, self._existing)
        _make_private(self.path)
        self._connections = Connections(self.path, synchronous, busy_timeout_s, self._watch.reset)
        try:
            self._prepare(busy_timeout_s)
        except BaseException:
            self.close()
            raise

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """Read documents by path, all from one snapshot; None for a missing one."""
        keys = [split(path) for path in paths]
        with self._read() as (connection, clock):
            rows = [connection.execute(_GET, key).fetchone() for key in keys]
        meter().bill(reads=len(paths), time=clock)
        docs = [
            None if row is None else Doc(path, decode(row[2], fields), row[0], row[1])
            for path, row in zip(paths, rows, strict=True)
        ]
        return Reads(docs, [clock] * len(docs))

    def create(self, path: str, data: Fields) -> int:
        """Create a document and return its commit time. Raises Exists if the path is taken."""
        collection, name = split(path)
        blob = encode(path, data)
        with self._write(writes=1) as (connection, clock):
            try:
                connection.execute(_CREATE, (collection, name, clock, clock, blob))
            except sqlite3.IntegrityError:
                raise Exists(path) from None
        self._watch.wake(path)
        meter().bill(time=clock)
        return clock

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """Replace a document and return its new update time. Raises Changed unless the old one is `if_update_time`."""
        collection, name = split(path)
        blob = encode(path, data)
        with self._write(writes=1) as (connection, clock):
            if not connection.execute(_UPDATE, (blob, clock, collection, name, if_update_time)).rowcount:
                raise Changed(path)
        meter().bill(time=clock)
        return clock

    def remove(self, path: str, if_update_time: int) -> None:
        """Delete a document. Raises Changed unless its update time is `if_update_time`."""
        collection, name = split(path)
        with self._write(deletes=1) as (connection, clock):
            if not connection.execute(_REMOVE, (collection, name, if_update_time)).rowcount:
                raise Changed(path)
        meter().bill(time=clock)

    def delete(self, paths: Sequence[str]) -> None:
        """Delete documents; missing ones are no error."""
        keys = [split(path) for path in dict.fromkeys(paths)]
        if not keys:
            return
        with self._write(deletes=len(keys)) as (connection, clock):
            connection.executemany(_DELETE, keys)
        meter().bill(time=clock)

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """Return up to `limit` documents of a collection, in order of their ids as UTF-8, from after the id `after`."""
        check_collection(collection)
        with self._read() as (connection, clock):
            rows = connection.execute(_LIST, (collection, after or "", limit)).fetchall()
        meter().bill(reads=max(1, len(rows)), time=clock)
        docs = [Doc(f"{collection}/{row[0]}", decode(row[3], fields), row[1], row[2]) for row in rows]
        return Page(docs, clock)

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        """Wait until one of the paths exists, at most `timeout_s` seconds; return whether one does. Nothing is billed."""
        return self._watch.wait(paths, timeout_s)

    def end_waits(self) -> None:
        """End all waits, now and later, as if they had been told: the process is about to end."""
        self._watch.close()

    def close(self) -> None:
        """End all waits and close the file; later calls raise Refused."""
        self._watch.close()
        self._connections.close()

    def advance(self, seconds: float) -> None:
        """Move the store's clock forward for every process that uses the file. Tests let time pass this way."""
        with self._write() as (connection, _):
            connection.execute("UPDATE meta SET offset = offset + ?", (round(seconds * 1_000_000),))
            self._tick(connection)

    @contextmanager
    def _read(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Yield a connection in a snapshot, and its read time: the snapshot holds every commit up to it."""
        try:
            with self._connections.use() as connection:
                connection.execute("BEGIN")
                clock, is_off = self._clock(connection)
                if is_off:
                    connection.execute("COMMIT")
                    self._correct_clock()
                    connection.execute("BEGIN")
                    clock, _ = self._clock(connection)
                yield connection, clock
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise refusal(error, self.path) from error

    @contextmanager
    def _write(self, *, writes: int = 0, deletes: int = 0) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Yield a connection in a write transaction, and its commit time; commit unless the block raises."""
        try:
            with self._connections.write() as connection:
                meter().bill(writes=writes, deletes=deletes)
                yield connection, self._tick(connection)
                self._commit(connection)
        except sqlite3.Error as error:
            raise refusal(error, self.path) from error

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if "full" in str(error):  # SQLite rolls back then: https://www.sqlite.org/lang_transaction.html
                raise
            raise Unknown(f"{self.path}: {error}") from error
        try:
            self._connections.check_in_place()
        except Refused as error:
            raise Unknown(str(error)) from error

    def _clock(self, connection: sqlite3.Connection) -> tuple[int, bool]:
        """Return the clock row of the snapshot, and whether it is too far from the machine's time."""
        clock, offset = connection.execute(_CLOCK).fetchone()
        # Read the machine's time after taking the snapshot: a commit between the two would seem to lie in the future.
        return clock, not -_STEP_BACK_US <= self._now() + offset - clock <= _IDLE_US

    def _tick(self, connection: sqlite3.Connection) -> int:
        """Move the clock under the write lock and return the time of this commit."""
        now = self._now()
        [(clock, offset)] = connection.execute(_TICK, (now,)).fetchall()
        if clock - now - offset > _STEP_BACK_US:
            # The machine's clock was set back. With a new offset the store's clock continues from its present time; with the
            # old one it would advance by only 1 µs per commit.
            connection.execute("UPDATE meta SET offset = ?", (clock - now,))
        return int(clock)

    def _correct_clock(self) -> None:
        """Move the clock to the present, unless another reader has just done so."""
        with self._connections.write() as connection:
            if self._clock(connection)[1]:
                self._tick(connection)
            self._commit(connection)

    def _version(self) -> int:
        with self._connections.use() as connection:
            return int(connection.execute(_CLOCK).fetchone()[0])

    def _existing(self, paths: Iterable[str]) -> Collection[str]:
        try:
            with self._connections.use() as connection:
                return [path for path in paths if connection.execute(_EXISTS, split(path)).fetchone()]
        except sqlite3.Error as error:
            raise refusal(error, self.path) from error

    def _prepare(self, timeout_s: float) -> None:
        """Create the schema, or check that this program knows the file's format. Raises DataDirError."""
        if sqlite3.sqlite_version_info < _MIN_SQLITE:
            raise DataDirError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or later is needed")
        deadline = time.monotonic() + timeout_s
        while not self._try_prepare(deadline):
            time.sleep(0.01)

    def _try_prepare(self, deadline: float) -> bool:
        """Return False if another process is creating the file, so that a retry may help, and `deadline` has not passed."""
        try:
            with self._connections.use() as connection:
                self._check_format(connection)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("INSERT OR IGNORE INTO meta VALUES (0, ?, 0, 0)", (FORMAT,))
                self._check_format(connection)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Several processes may create the file at once, and SQLite does not wait for the change to WAL mode.
            if refusal(error, self.path).busy and time.monotonic() < deadline:
                return False
            raise DataDirError(f"cannot use {self.path}: {error}") from error
        return True

    def _check_format(self, connection: sqlite3.Connection) -> None:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return
        found = connection.execute("SELECT format FROM meta").fetchone()
        if found is not None and found[0] > FORMAT:
            raise NewerFormatError(
                f"{self.path} has format {found[0]} and this program knows {FORMAT}: "
                "upgrade pubsubclient, or use another directory"
            )
