"""Histories outlive the processes that write them."""

from __future__ import annotations

import os
from pathlib import Path

from torture.records import Done, HistoryFile, read_history


def test_a_record_that_a_kill_tore_is_left_out(tmp_path: Path) -> None:
    """Also when another process goes on in the same file."""
    path = tmp_path / "function-1.jsonl"
    HistoryFile(path).write(Done("first", 1))
    whole = path.read_bytes()
    HistoryFile(path).write(Done("torn", 2))
    os.truncate(path, len(whole) + 20)
    HistoryFile(path).write(Done("next", 3))
    assert list(read_history(tmp_path)) == [("function-1", Done("first", 1)), ("function-1", Done("next", 3))]
