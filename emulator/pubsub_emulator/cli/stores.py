"""Opens the store that the command line's options choose, and closes it at the end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pubsub_emulator.cli.options import StoreOptions
from pubsub_emulator.errors import AddressError, DataDirError
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubclient.cli.extras import import_with_extra
from pubsubservice.storage.port import Store

if TYPE_CHECKING:
    from pubsubservice.storage.firestore.store import FirestoreStore

__all__ = ["DEFAULT_DATA_DIR", "data_dir", "open_store"]

#: in the working directory, like .git or .venv: each project has its own, easily seen, copied and removed
DEFAULT_DATA_DIR = Path(".pubsub")
_FILE = "pubsub.sqlite3"
_CONNECT_TIMEOUT_S = 5.0


@contextmanager
def open_store(options: StoreOptions) -> Iterator[tuple[Store, str]]:
    """Open the store that `options` choose; yield it and its location in words.

    The default is the Firestore emulator at FIRESTORE_EMULATOR_HOST if that is set, else the default data directory.
    Raises EmulatorError.
    """
    firestore = _chosen_firestore(options)
    if firestore == "google":
        from pubsub_emulator.google_firestore import process as google  # noqa: PLC0415 - only for this option

        _firestore_store()  # fails before Google's emulator is started
        with google.start_emulator() as address, _firestore(address) as store:
            yield store, f"in Google's Firestore emulator at {address} until this command ends"
    elif firestore is not None:
        with _firestore(firestore) as store:
            yield store, f"in the Firestore emulator at {firestore}"
    elif options.ephemeral:
        with _closing(EphemeralStore()) as store:
            yield store, "in a temporary directory until this command ends"
    else:
        directory = _make(options.data_dir or DEFAULT_DATA_DIR)
        with _closing(SQLiteStore(directory / _FILE)) as store:
            yield store, f"in {directory.absolute()}"


def data_dir(options: StoreOptions) -> Path | None:
    """Return the data directory of `options`, created if missing; None for other stores. Raises EmulatorError."""
    if options.ephemeral or _chosen_firestore(options):
        return None
    return _make(options.data_dir or DEFAULT_DATA_DIR)


def _chosen_firestore(options: StoreOptions) -> str | None:
    """Return "google" or HOST:PORT; None if another store is chosen."""
    chosen = options.firestore
    if chosen is None and options.data_dir is None and not options.ephemeral:
        return os.environ.get("FIRESTORE_EMULATOR_HOST") or None
    return chosen


@contextmanager
def _closing(store: Store) -> Iterator[Store]:
    try:
        yield store
    finally:
        store.close()


def _firestore_store() -> type[FirestoreStore]:
    """Import the store, which takes a second. Raises CommandError if Google's libraries are missing."""
    module = import_with_extra("pubsubservice.storage.firestore.store", "firestore", "--firestore")
    store: type[FirestoreStore] = module.FirestoreStore
    return store


@contextmanager
def _firestore(address: str) -> Iterator[Store]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise AddressError(f"invalid --firestore {address!r}: expected google or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise AddressError(f"no Firestore emulator responds at {address}: {error}") from error
    project = os.environ.get("GOOGLE_CLOUD_PROJECT") or "pubsub-local"
    with _closing(_firestore_store()(project, emulator=address)) as store:
        yield store


def _make(directory: Path) -> Path:
    try:
        directory = directory.absolute()
        ignored = directory / ".gitignore"
        new = not directory.exists()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if new:
            # Keep the data out of version control, as pytest and ruff do with their caches.
            ignored.write_text("*\n")
        elif os.name == "posix" and ignored.exists() and ignored.read_text() == "*\n":
            # The file shows that the emulator made the directory; an older version left it readable to other users.
            # Directories that somebody else made keep their mode.
            directory.chmod(0o700)
    except OSError as error:
        raise DataDirError(f"cannot use the data directory {directory}: {error.strerror}") from error
    return directory
