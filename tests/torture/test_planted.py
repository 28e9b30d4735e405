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
    "ack dropped": "came again",
    "lease by local clock": "wrong lease",
    "filter skips position": "lost",
}
_SECONDS = 12
#: what the simulation reports of each. In a run, a publish has to be tried again at a process that has just looked at the log
#: for the first time; a reader has to come, or expire to be killed, just between deleting and recording
_FOUND_BY_THE_SIMULATION = {
    "since": "an event was appended twice",
    "trim point first": "an event left without an ack of somebody who saw it (LOST)",
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", _FOUND_BY_A_RUN)
def test_a_run_reports_a_planted_bug(bug: str, tmp_path: Path) -> None:
    """By the promise that it breaks, with exit code 1; on a busy machine a run may be too short for it."""
    runs = []
    for seed in ("2", "3", "4"):
        arguments = "--store", "sqlite", "--duration", str(_SECONDS), "--seed", seed, "--plant", bug
        run = tortured(tmp_path / seed, *arguments)
        if run.returncode == 1 and f"\n{_FOUND_BY_A_RUN[bug]}: " in run.stdout:
            return
        runs.append(run.stdout + run.stderr)
    pytest.fail("\n\n".join(runs))


@pytest.mark.parametrize("rule", _FOUND_BY_THE_SIMULATION)
def test_the_simulation_reports_a_planted_bug(rule: str) -> None:
    """Where a run would mostly take too long."""
    assert any(_FOUND_BY_THE_SIMULATION[rule] in World(seed, BROKEN[rule]).run() for seed in range(2_000))
