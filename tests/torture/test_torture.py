"""The real service, in real processes, under real faults: a short form of ``make torture``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.serving import environment

_SECONDS = 20


def tortured(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own, with its histories in `directory`."""
    command = [sys.executable, "-m", "torture", "--history", str(directory), *arguments]
    return subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=200, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "firestore"])
def test_every_promise_holds_under_faults(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Functions and clients are killed and frozen, messages lost, doubled and cut: nothing is lost, doubled or reordered."""
    google = {"FIRESTORE_EMULATOR_HOST": request.getfixturevalue("google_emulator")} if store == "firestore" else {}
    run = tortured(tmp_path, "--store", store, "--duration", str(_SECONDS), **google)
    assert run.returncode == 0, run.stdout + run.stderr
    survived = re.search(r"faults survived: (\d+)", run.stdout)
    assert survived is not None
    assert int(survived[1]) >= 15, run.stdout
