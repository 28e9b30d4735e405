"""The files of the emulator: whose they are, and what becomes of requests when they are deleted under it."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.storage.port import Refused


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """An emulator over a directory of its own."""
    serving = Serving(["--data-dir", str(tmp_path / "data")], tmp_path / "log", {})
    yield serving
    serving.close()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_may_read_them(serving: Serving, tmp_path: Path) -> None:
    """Events are nobody's business."""
    Wire(serving.url).publish("orders", cloudevent(1))
    directory = tmp_path / "data"
    assert _mode(directory) == 0o700
    files = {path.name: _mode(path) for path in directory.glob("pubsub.sqlite3*")}
    assert files == dict.fromkeys(("pubsub.sqlite3", "pubsub.sqlite3-wal", "pubsub.sqlite3-shm"), 0o600)


def test_files_of_an_older_version_are_closed_to_others(tmp_path: Path) -> None:
    """It made them for everybody to read."""
    path = tmp_path / "pubsub.sqlite3"
    SQLiteStore(path).close()
    path.chmod(0o644)
    SQLiteStore(path).close()
    assert _mode(path) == 0o600


@pytest.mark.parametrize("harm", ["delete all", "delete the file", "move all", "replace the file"])
def test_nothing_is_confirmed_once_they_are_gone(serving: Serving, tmp_path: Path, harm: str) -> None:
    """It would be gone with the process. One line says so."""
    wire = Wire(serving.url)
    wire.publish("orders", cloudevent(1))
    directory = tmp_path / "data"
    file = directory / "pubsub.sqlite3"
    if harm == "delete all":
        shutil.rmtree(directory)
    elif harm == "move all":
        directory.rename(tmp_path / "elsewhere")
    else:
        file.unlink()
        if harm == "replace the file":
            sqlite3.connect(file).close()
            file.touch()
    for _ in range(2):
        answer = wire.ask("publish", {"topic": "orders", "publisher": "shop", "events": [cloudevent(2)]})
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert "Start the emulator again" in answer.json()["detail"]
    assert serving.log.read_text().count("events are not stored any more") == 1


def test_files_that_are_put_back_are_used_again(serving: Serving, tmp_path: Path) -> None:
    """They are the same."""
    wire = Wire(serving.url)
    wire.publish("orders", cloudevent(1))
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert wire.refused("register", {"publisher": "shop"}) == (503, "store_unavailable")
    (tmp_path / "elsewhere").rename(tmp_path / "data")
    wire.publish("orders", cloudevent(2))


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """By a sentence that says what to do; what was confirmed is there."""
    store = SQLiteStore(tmp_path / "pubsub.sqlite3")
    store.create("topics/first", {"format": 1})
    with store._connections.use() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    real_open = store._connections.open

    def small() -> sqlite3.Connection:
        connection = real_open()
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        return connection

    store._connections.open = small  # type: ignore[method-assign]
    store._connections._close_idle()
    with pytest.raises(Refused) as raised:
        store.create("topics/second", {"format": 1, "name": "x" * 100_000})
    assert raised.value.detail is not None
    assert "Make room on its disk" in raised.value.detail
    assert store.get_many(["topics/first"]).docs[0] is not None
    store.close()
