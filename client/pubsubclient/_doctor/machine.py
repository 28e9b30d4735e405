"""What keeps `pubsub emulator` from starting on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from pubsubclient._doctor.findings import Finding, warning

__all__ = ["data_directory", "firestore_emulator", "thread_limit"]

_DATA_DIRECTORY = Path(".pubsub")
_DATABASE = "pubsub.sqlite3"
_LEAST_FREE_BYTES = 10_000_000
_TIMEOUT_S = 2.0
_FIRESTORE = "FIRESTORE_EMULATOR_HOST"
#: as many as a worker or an emulator has at least
_THREADS = 20


def firestore_emulator() -> list[Finding]:
    """Return a warning if the environment names a Firestore emulator that does not run."""
    address = os.environ.get(_FIRESTORE, "")
    if not address:
        return []
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        what = f"{_FIRESTORE} is {address}, and nothing answers there ({error}): `pubsub emulator` will not start."
        return [warning("firestore_host", what, f"Start that emulator, or unset {_FIRESTORE}.")]
    return []


def data_directory() -> list[Finding]:
    """Return a warning if `.pubsub` in the working directory is there and cannot be used."""
    directory = _DATA_DIRECTORY
    try:
        if not os.path.lexists(directory):
            return []
        reason = _reason(directory)
    except (OSError, sqlite3.Error) as error:
        reason = f"it cannot be read ({error})"
    if reason is None:
        return []
    what = f"`pubsub emulator` cannot keep events in {directory.absolute()}: {reason}."
    return [warning("data_dir", what, "Mend or move it, or name another with `pubsub emulator --data-dir`.")]


def thread_limit() -> list[Finding]:
    """Return a warning if this process cannot start as many threads as an emulator or a worker has."""
    over = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for _ in range(_THREADS):
            thread = threading.Thread(target=over.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except (RuntimeError, MemoryError) as error:
        what = (
            f"Only {len(threads)} threads can be started here ({error}); workers and `pubsub emulator` may need {_THREADS} "
            "and more."
        )
        do = "Raise the limit of processes (ulimit -u, TasksMax of systemd, --pids-limit of a container), or that of memory."
        return [warning("thread_limit", what, do)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return []


def _reason(directory: Path) -> str | None:
    if not directory.is_dir():
        return "it is not a directory"
    if not os.access(directory, os.W_OK | os.X_OK):
        return "it may not be written to"
    free = shutil.disk_usage(directory).free
    if free < _LEAST_FREE_BYTES:
        return f"only {free} bytes are free there"
    database = directory / _DATABASE
    if not database.exists() or not database.stat().st_size:
        return None
    # read-only, and without locks: an emulator may be using it
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return None if "meta" in tables or not tables else "its database is not an emulator's"
