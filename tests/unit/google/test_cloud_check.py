"""The checks of a real project by hand, over Google's emulator: they run, and stay within their bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

_ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not (_ROOT / "benchmarks").is_dir(), reason="only in a checkout")


def check(emulator: str, *arguments: str) -> tuple[int, dict[str, object]]:
    """Run it with few operations; return its exit code and what it printed."""
    few = ["--commits", "2", "--targets", "1", "--attaches", "2", "--heartbeat-s", "0.2"]
    command = [
        sys.executable,
        "-m",
        "benchmarks.cloud",
        "--emulator",
        emulator,
        "--project",
        f"test-{uuid4().hex[:12]}",
    ]
    done = subprocess.run([*command, *few, *arguments], capture_output=True, text=True, cwd=_ROOT, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_everything_but_the_billing_is_measured(google_emulator: str) -> None:
    code, found = check(google_emulator)
    assert code == 0, found
    assert found["targets_on_a_stream"] == 1
    assert found["deleted"] == 3
    assert found["why"] == {
        "reads_by_names": "BudgetError: an emulator bills nothing",
        "reads_by_in": "BudgetError: an emulator bills nothing",
    }
    assert 0 < float(str(found["dollars_at_most"])) < 0.001


def test_it_stops_before_it_may_cost_more_than_it_was_allowed(google_emulator: str) -> None:
    code, found = check(google_emulator, "--dollars", "0.0000001")
    assert (code, found["told_ms"], found["dollars_at_most"]) == (1, None, 0.0)
