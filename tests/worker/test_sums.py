"""A thousand events, handlers that decide by chance, two workers of which one is killed: the books are balanced."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from e2e.serving import Serving, environment
from pubsubclient import Event, Publisher, Service, Subscriber
from worker.records import read_records

_EVENTS = 1_000
_ATTEMPTS = 4
_PROGRAM = Path(__file__).parent / "programs" / "fickle.py"


@pytest.mark.slow
def test_attempts_dead_letters_and_acks_add_up(
    serving: Serving, service: Service, subscriber: Subscriber, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "verdicts.jsonl"
    subscriber.subscribe(name, ack_deadline=20, backoff=0, max_attempts=_ATTEMPTS)
    letters = Subscriber(f"{name}.reader", service=service)
    letters.subscribe(f"{name}.dead")
    command = [sys.executable, str(_PROGRAM), serving.url, name, str(file), str(_ATTEMPTS)]
    logs = [tmp_path / "killed.log", tmp_path / "other.log"]
    with logs[0].open("wb") as first, logs[1].open("wb") as second:
        killed, other = (subprocess.Popen(command, env=environment(), stderr=log) for log in (first, second))
    try:
        give_up = time.monotonic() + 120
        while not all("started" in log.read_text() for log in logs):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        with Publisher("shop", service=service).batch() as batch:
            for number in range(_EVENTS):
                batch.publish(Event(name, number))
        while sum(line["pid"] == killed.pid for line in read_records(file)) < 100:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        kill_at = time.monotonic()
        killed.kill()
        killed.wait()
        while (state := subscriber.state()).unsettled or state.subscriptions[0].backlog:
            assert time.monotonic() < give_up + 60, state
            time.sleep(0.1)
        other.terminate()
        assert other.wait(60) == 0
    finally:
        for process in (killed, other):
            process.kill()
            process.wait()

    runs: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in sorted(read_records(file), key=lambda line: line["at"]):
        runs[line["n"]].append(line)
    dead: dict[int, tuple[str, int]] = {}
    while events := letters.get_events(wait=1):
        for event in events:
            assert event.data not in dead, "two dead letters of one event"
            dead[event.data] = (event.members["reason"], event.members["attempts"])
    letters.close()

    surprises = 0
    for number in range(_EVENTS):
        told = runs[number]
        attempt, last = 1, ""
        for line in told:
            expected = {"": 1, "retry": attempt + 1, "error": attempt + 1, "pause": attempt}.get(last)
            if line["attempt"] != expected:
                # the killed worker had the event: prefetched, running, or with an outcome that it did not send
                surprises += 1
                assert line["at"] > kill_at, (number, told)
                assert line["attempt"] == attempt + (last not in {"pause", ""} and expected is not None) + 1, (
                    number,
                    told,
                )
            attempt, last = line["attempt"], line["verdict"]
        if number in dead:
            reason, attempts = dead[number]
            if (last, attempt) in {("retry", _ATTEMPTS), ("error", _ATTEMPTS)} or last == "reject":
                assert reason in {last, f"ValueError: {last}"}, (number, told, reason)
                assert attempts == attempt, (number, told, attempts)
            else:  # at its last attempt in the killed worker
                surprises += 1
                assert attempts == _ATTEMPTS, (number, told, reason, attempts)
        else:
            assert last == "ack", (number, told)
    assert surprises < 400
