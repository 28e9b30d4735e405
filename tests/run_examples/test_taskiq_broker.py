"""The broker of examples/taskiq_broker, with taskiq's own worker in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from run_examples.programs import Program

WORKER = ("-m", "taskiq", "worker", "--workers", "1")
TWO_WORKERS = ("-m", "taskiq", "worker", "--workers", "2")

#: tasks that a test can look into. A short lease, so that what a killed worker had comes again soon
_TASKS = """
import asyncio, os, sys
from pathlib import Path
from pubsub_broker import PubSubBroker

broker = PubSubBroker("tasks", ack_deadline=10, max_attempts=5)

@broker.task("once")
async def once(number):
    print("ran", number, flush=True)

@broker.task("block")
async def block(file):
    "The first run writes its process, and never ends."
    if not Path(file).exists():
        Path(file).touch()
        print("begun in", os.getpid(), flush=True)
        await asyncio.Event().wait()
    print("ended in", os.getpid(), flush=True)

@broker.task("last")
async def last(seconds):
    await asyncio.sleep(seconds)
    print("slept", flush=True)

async def main():
    await broker.startup()
    for call in sys.argv[1:]:
        await eval(call)
    await broker.shutdown()

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module `tasks_of_test`, where programs of the test find it."""
    (tmp_path / "tasks_of_test.py").write_text(_TASKS)
    monkeypatch.syspath_prepend(tmp_path)


def test_the_example_greets_retries_and_delays(start: Callable[..., Program]) -> None:
    worker = start("taskiq_broker", *WORKER, "tasks:broker")
    assert start("taskiq_broker", "tasks.py").ended() == 0
    worker.wait_for("^hello later$")
    worker.wait_for("^mail to ada@example.com$")
    assert len(worker.wait_for("^hello ")) == 2
    assert worker.end() == 0


@pytest.mark.usefixtures("tasks")
def test_each_task_runs_once_and_one_that_outlasts_its_lease_too(start: Callable[..., Program]) -> None:
    """Also by two processes, whose lines come together."""
    worker = start("taskiq_broker", *TWO_WORKERS, "tasks_of_test:broker")
    assert (
        start(
            "taskiq_broker", "-m", "tasks_of_test", "last.kiq(12)", *(f"once.kiq({number})" for number in range(20))
        ).ended()
        == 0
    )
    worker.wait_for("^slept$")
    worker.wait_for("^ran ", 20)
    assert worker.end() == 0
    assert sorted(line for line in worker.lines if line.startswith("ran ")) == sorted(
        f"ran {number}" for number in range(20)
    )
    assert worker.lines.count("slept") == 1


@pytest.mark.usefixtures("tasks")
def test_what_a_killed_worker_had_comes_again(start: Callable[..., Program], tmp_path: Path) -> None:
    """taskiq's manager starts another worker; the task that was running is not lost."""
    worker = start("taskiq_broker", *WORKER, "tasks_of_test:broker")
    assert start("taskiq_broker", "-m", "tasks_of_test", f"block.kiq({str(tmp_path / 'begun')!r})").ended() == 0
    (begun,) = worker.wait_for(r"^begun in (\d+)$")
    os.kill(int(begun[1]), signal.SIGKILL)
    (ended,) = worker.wait_for(r"^ended in (\d+)$")
    assert ended[1] != begun[1]
    assert worker.end() == 0
