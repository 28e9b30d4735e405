"""A bug planted in the service is reported by its right name: by a run, or by the simulation where a run takes too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.broken import BROKEN
from simulation.world import World
from torture.test_torture import tortured

#: what a run reports of each
_FOUND_BY_A_RUN = {
    "append ignores Exists": "lost",
    "since ignored": "doubled",
    "ack dropped": "came again",
    "lease by local clock": "wrong lease",
}
_SECONDS = 12


@pytest.mark.slow
@pytest.mark.parametrize("bug", _FOUND_BY_A_RUN)
def test_a_run_reports_a_planted_bug(bug: str, tmp_path: Path) -> None:
    """By the promise that it breaks, with exit code 1."""
    run = tortured(tmp_path, "--store", "sqlite", "--duration", str(_SECONDS), "--seed", "2", "--plant", bug)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"\n{_FOUND_BY_A_RUN[bug]}: " in run.stdout


def test_the_simulation_reports_an_expire_that_deletes_before_it_records() -> None:
    """A reader must come, or expire be killed, just in between: rare in a run, soon found by the simulation."""
    lost = "an event left without an ack of somebody who saw it (LOST)"
    assert any(lost in World(seed, BROKEN["trim point first"]).run() for seed in range(2_000))
