"""A commit that is only in part on the disk: what power that fails may leave of a write-ahead log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pubsub_emulator.sqlite.store import SQLiteStore


@pytest.mark.parametrize("kept", ["nothing", "a byte", "half", "all but a byte", "all, with a byte of the middle lost"])
def test_a_commit_that_is_there_in_part_is_not_there(tmp_path: Path, kept: str) -> None:
    """Those before it are, and the store goes on."""
    store = SQLiteStore(tmp_path / "pubsub.sqlite3")
    log = tmp_path / "pubsub.sqlite3-wal"
    store.create("a/1", {})
    begin = log.stat().st_size
    store.create("a/2", {"blob": b"x" * 10_000})
    end = log.stat().st_size
    found = tmp_path / "found"
    found.mkdir()
    for path in (store.path, log):  # as a process that was killed leaves them: nothing was moved out of the log
        shutil.copy(path, found)
    store.close()

    with (found / log.name).open("r+b") as file:
        if kept.startswith("all, "):
            file.seek((begin + end) // 2)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 0xFF]))
        else:
            file.truncate({"nothing": begin, "a byte": begin + 1, "half": (begin + end) // 2}.get(kept, end - 1))
    again = SQLiteStore(found / store.path.name)
    assert [doc.path for doc in again.list("a").docs] == ["a/1"]
    again.create("a/2", {})
    assert [doc.path for doc in again.list("a").docs] == ["a/1", "a/2"]
    again.close()
