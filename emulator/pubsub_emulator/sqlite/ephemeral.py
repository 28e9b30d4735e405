"""A SQLite store that is deleted with its process: for tests, continuous integration and experiments.

The store is a file in a private temporary directory. SQLite's shared in-memory database would lock whole tables, and fail
readers during a write; a file in WAL mode lets them read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pubsub_emulator.errors import DataDirError
from pubsub_emulator.sqlite.store import SQLiteStore

__all__ = ["EphemeralStore"]

_IN_USE = "in-use"


class EphemeralStore(SQLiteStore):
    """A `SQLiteStore` in its own directory, which `close` or the end of the process removes.

    Commits do not wait for the disk (synchronous OFF), because no data outlives the process. The next store removes the
    directories of processes that were killed; a file lock marks the directories in use.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        with _locked_base() as base:
            _remove_leftovers(base)
            self.directory = Path(tempfile.mkdtemp(prefix="store-", dir=base))
            self._in_use = (self.directory / _IN_USE).open("wb")
            _lock(self._in_use, wait=False)
        atexit.register(self._remove)
        try:
            super().__init__(self.directory / "pubsub.sqlite3", synchronous="OFF")
        except BaseException:
            self._remove()
            raise

    def close(self) -> None:
        """Close the store and remove it."""
        super().close()
        self._remove()

    def _remove(self) -> None:
        if os.getpid() != self._pid:
            return  # in a forked child; the store belongs to its parent
        atexit.unregister(self._remove)
        self._in_use.close()  # first, because Windows does not remove open files
        shutil.rmtree(self.directory, ignore_errors=True)


@contextmanager
def _locked_base() -> Iterator[Path]:
    """Yield the directory of the user's ephemeral stores, locked against other processes."""
    base = Path(tempfile.gettempdir()) / f"pubsub-ephemeral-{_user()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
        # The name is predictable: another user may have created the directory first.
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            raise DataDirError(f"{base} is not this user's directory: remove it or set TMPDIR")
        lock = (base / "lock").open("wb")
    except OSError as error:
        raise DataDirError(f"cannot use {base}: {error.strerror}") from error
    with lock:
        _lock(lock, wait=True)
        yield base


def _remove_leftovers(base: Path) -> None:
    for directory in base.glob("store-*"):
        abandoned = False
        # An OSError means that another process removed the directory, or that it belongs to another user.
        with suppress(OSError), (directory / _IN_USE).open("ab") as file:
            abandoned = _lock(file, wait=False)
        if abandoned:
            shutil.rmtree(directory, ignore_errors=True)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], *, wait: bool) -> bool:
        """Lock a file until it is closed; False if another process holds it."""
        try:
            # LK_LOCK gives up after ten seconds.
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes], *, wait: bool) -> bool:
        """Lock a file until it is closed; False if another process holds it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
