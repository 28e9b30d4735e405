"""The benchmark runs. Nobody asks here how fast."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "signals.py"


@pytest.mark.slow
def test_the_benchmark_gives_a_figure_for_every_cell() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--json", "--rounds", "1", "--round-ms", "0.01"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    figures = json.loads(done.stdout)
    assert len(figures["sends"]) == 16
    for row in figures["sends"].values():
        assert {"bare", "ours", "ours, weak=False", "ours, one sender", "ours, Signal"} <= row.keys()
    assert figures["churn"]["ours"] > 0
    assert len(figures["memory"]) == 4
