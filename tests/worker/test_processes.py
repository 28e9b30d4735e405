"""The parent of several worker processes: what it makes of their ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pubsubclient._worker import processes as _processes
from pubsubclient._worker.processes import Processes
from pubsubclient._worker.reload import Changes


def command(program: str) -> Sequence[str]:
    return [sys.executable, "-c", program]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_processes, "_FIRST_PAUSE_S", 0.01)


def test_one_that_dies_five_times_in_a_minute_ends_all(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The others are asked to stop, and do."""
    told = tmp_path / "told"
    program = (
        f"import os, sys, pathlib; path = pathlib.Path({str(told)!r})\n"
        "try: path.touch(exist_ok=False)\nexcept FileExistsError: os._exit(7)\n"
        "sys.stdin.buffer.read(1); path.write_text('asked')"
    )
    assert Processes(command(program), 2).run() == 1
    assert "died 5 times within a minute, at last with status 7" in caplog.text
    assert caplog.text.count("it starts again in") == 4
    assert told.read_text() == "asked"


def test_wrong_configuration_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    assert Processes(command("raise SystemExit(2)"), 2).run() == 2
    assert "starts again" not in caplog.text


def test_a_burst_ends_when_all_have_ended() -> None:
    assert Processes(command("pass"), 3).run() == 0


def test_it_ends_its_processes_and_tells_if_one_did_not_end_well() -> None:
    program = "import sys, os; os.kill(os.getppid(), 15); sys.stdin.buffer.read(1); sys.exit(1)"
    assert Processes(command(program), 1).run() == 1


def test_changes_are_of_the_programs_own_files(tmp_path: Path) -> None:
    for folder in ("shop", ".git", "venv", "__pycache__"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").touch()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    changes = Changes(tmp_path)
    assert not changes.look()
    for folder in (".git", "venv", "__pycache__"):
        (tmp_path / folder / "more.py").touch()
    (tmp_path / "shop" / "readme.md").touch()
    assert not changes.look()
    (tmp_path / "shop" / "more.py").touch()
    assert changes.look()
    assert not changes.look()
    (tmp_path / "shop" / "more.py").unlink()
    assert changes.look()
