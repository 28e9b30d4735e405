"""Workers that are stopped or killed in the middle of their work."""

from __future__ import annotations

from pathlib import Path

from e2e.serving import Serving
from worker.rounds import killed, stopped, stopped_twice


def test_at_sigterm_what_runs_ends_and_the_rest_goes_back_with_its_attempt(serving: Serving, tmp_path: Path) -> None:
    for _ in range(2):
        assert stopped(serving.url, tmp_path) < 25


def test_a_second_signal_ends_at_once_and_gives_all_back(serving: Serving, tmp_path: Path) -> None:
    # the drain timeout is 25 s, a handler takes 60 s; 1.5 s on an idle machine: `make worker-drain`
    assert stopped_twice(serving.url, tmp_path, cut_s=15) < 15


def test_a_kill_loses_nothing_and_doubles_little(serving: Serving, tmp_path: Path) -> None:
    killed(serving.url, tmp_path, last_s=1.0)  # 0.1 s on an idle machine: `make worker-drain`
