"""`pubsub bench`: it measures, ends in time, and leaves no name but its topic."""

from __future__ import annotations

import time

from command_line.conftest import Run
from pubsubclient.cli.benchmark import TOPIC


def test_it_leaves_no_name(run: Run) -> None:
    """Of no subscriber and no publisher; the topic is the same for all runs, and keeps events for ten minutes."""
    assert run("create", "topic", TOPIC, "--retention", "10m").code == 0
    before = run("ls", "--names").out
    done = run("bench", "--count", "300", "--publishers", "3", "--consumers", "2", "--batch", "50", "--json")
    (measured,) = done.records
    assert {phase: figures["events"] for phase, figures in measured.items()} == {
        "publish": 300,
        "drain": 300,
        "round_trip": 50,
    }
    assert all(figures["per_second"] > 0 for figures in measured.values())
    assert run("ls", "--names").out == before


def test_it_ends_within_a_minute(run: Run) -> None:
    """Even if it is asked for more than it can do; it says how far it came."""
    began = time.monotonic()
    done = run("bench", "--count", "1000000", "--batch", "5000", "--size", "200")
    assert done.code == 0
    assert time.monotonic() - began < 60
    assert "publish: " in done.err
    assert " of 1000000 events in the time there was" in done.err
    heads = done.out.splitlines()[0].split("  ")
    assert heads[0] == "PHASE"
