"""The transport of examples/celery_transport, with Celery's own worker in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.serving import Serving
from pubsubclient import Subscriber
from run_examples.programs import Program, ran

#: Celery warns root, which a test may be
CELERY = ("-W", "default", "-m", "celery")
WITHOUT = ("--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat")

#: tasks that a test can look into. A short lease, so that what a killed worker had comes again soon
_TASKS = """
import os, sys, time
from pathlib import Path
from celery.exceptions import Reject
from tasks import app

app.conf.broker_transport_options = {"ack_deadline": 10}

@app.task(name="once")
def once(number):
    print("ran", number, flush=True)

@app.task(name="block")
def block(file):
    "The first run writes its process, and never ends."
    if not Path(file).exists():
        Path(file).touch()
        print("begun in", os.getpid(), flush=True)
        time.sleep(1000)
    print("ended in", os.getpid(), flush=True)

@app.task(name="last")
def last(seconds):
    time.sleep(seconds)
    print("slept", flush=True)

@app.task(name="refuse")
def refuse():
    raise Reject("no such order", requeue=False)

if __name__ == "__main__":
    for call in sys.argv[1:]:
        eval(call)
"""


@pytest.fixture
def worker(start: Callable[..., Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Program]:
    """Starts a worker of the tasks above."""
    (tmp_path / "tasks_of_test.py").write_text(_TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda: start("celery_transport", *CELERY, "-A", "tasks_of_test:app", "worker", *WITHOUT)


def test_the_example_greets_retries_and_delays(start: Callable[..., Program]) -> None:
    worker = start("celery_transport", *CELERY, "-A", "tasks", "worker", *WITHOUT)
    assert start("celery_transport", "tasks.py").ended() == 0
    worker.wait_for("^hello later$")
    worker.wait_for("^mail to ada@example.com$")
    assert len(worker.wait_for("^hello ")) == 2
    assert worker.end() == 0


def test_each_task_runs_once_and_one_that_outlasts_its_lease_too(
    start: Callable[..., Program], worker: Callable[[], Program], emulator: Serving
) -> None:
    """And one that is rejected is a dead letter."""
    calls = ["last.delay(12)", "refuse.delay()", *(f"once.delay({number})" for number in range(10))]
    assert start("celery_transport", "-m", "tasks_of_test", *calls).ended() == 0
    one = worker()
    one.wait_for("^slept$")
    one.wait_for("^ran ", 10)
    assert one.end() == 0
    assert sorted(line for line in one.lines if line.startswith("ran ")) == [f"ran {number}" for number in range(10)]
    assert one.lines.count("slept") == 1
    (subscription,) = Subscriber("celery", service=emulator.url).state().subscriptions
    assert (subscription.backlog, subscription.unsettled) == (0, 0)


def test_what_a_killed_worker_had_comes_again(
    start: Callable[..., Program], worker: Callable[[], Program], tmp_path: Path
) -> None:
    first = worker()
    assert start("celery_transport", "-m", "tasks_of_test", f"block.delay({str(tmp_path / 'begun')!r})").ended() == 0
    (begun,) = first.wait_for(r"^begun in (\d+)$")
    os.kill(int(begun[1]), signal.SIGKILL)
    second = worker()
    (ended,) = second.wait_for(r"^ended in (\d+)$")
    assert ended[1] != begun[1]
    assert second.end() == 0


_EXTENDING = """
import threading
from types import SimpleNamespace
from pubsub_transport import Channel
from pubsubclient import Unavailable

closing, extended = threading.Event(), []

class Held:
    def extend(self, seconds):
        extended.append(seconds)
        if len(extended) == 1:
            raise Unavailable("get_events", "nowhere", 1, 0.0, TimeoutError())
        closing.set()

held = {"a": Held(), "b": Held()}
Channel._extend_leases(SimpleNamespace(_settings={"ack_deadline": 0.03}, _closing=closing, _held=held))
print(extended)
"""


def test_leases_are_extended_after_an_outage_too() -> None:
    """One request that fails ends nothing, or a long task would run twice."""
    assert ran("celery_transport", "-c", _EXTENDING) == "[0.03, 0.03]\n"
