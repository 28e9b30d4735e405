"""Workers that are stopped or killed in the middle of their work, and what becomes of the events.

python -m worker.rounds --rounds 20       # that is `make worker-drain`
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from e2e.serving import environment, serving_on
from pubsubclient import Event, Publisher, Service, Subscriber
from worker.records import read_records

__all__ = ["Round", "killed", "stopped", "stopped_twice"]

_PROGRAMS = Path(__file__).parent / "programs"
_EVENTS = 200
_THREADS = 8
#: how long one handler takes, seconds
_SECONDS = 0.02


class Round:
    """200 events of a new topic, and a worker with 8 threads that is at work on them.

    Args:
        seconds: how long a handler takes
        options: options of the program
    """

    def __init__(
        self, url: str, directory: Path, *options: str, seconds: float = _SECONDS, events: int = _EVENTS
    ) -> None:
        self.service = Service(url)
        self.topic = self.name = f"drain-{uuid4().hex[:12]}"
        self._file = directory / f"{self.name}.jsonl"
        self.log = directory / f"{self.name}.log"
        self.subscriber = Subscriber(self.name, service=self.service)
        self.subscriber.subscribe(self.topic, start="earliest", ack_deadline=30, backoff=0)
        receipts = Publisher("shop", service=self.service).publish([Event(self.topic, n) for n in range(events)])
        self.ids = {receipt.id for receipt in receipts}
        command = [
            sys.executable,
            str(_PROGRAMS / "slow.py"),
            url,
            self.name,
            self.topic,
            str(self._file),
            str(seconds),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, *options], env=environment(), stderr=log)

    def lines(self, what: str) -> list[dict[str, Any]]:
        """What the handlers have written down."""
        return [record for record in read_records(self._file) if record["what"] == what]

    def await_that(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        """Wait for something that the worker does."""
        give_up = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.01)

    def rest(self, seconds: float = 0.0) -> list[tuple[str, int]]:
        """All that comes to another consumer within so many seconds: id and attempt."""
        found: list[tuple[str, int]] = []
        give_up = time.monotonic() + seconds
        while True:
            events = self.subscriber.get_events(wait=min(20.0, max(0.0, give_up - time.monotonic())))
            found += [(event.id, event.attempt) for event in events]
            if not events and time.monotonic() >= give_up and not self.subscriber.state().unsettled:
                return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.subscriber.close()


def stopped(url: str, directory: Path) -> float:
    """SIGTERM with 8 handlers at work: returns how long the drain took, seconds."""
    work = Round(url, directory)
    try:
        work.await_that(lambda: len(work.lines("done")) >= 40)
        asked = time.monotonic()
        work.process.send_signal(signal.SIGTERM)
        status = work.process.wait(60)
        took = time.monotonic() - asked
        assert status == 0, work.log.read_text()
        handled = [line["id"] for line in work.lines("done")]
        rest = work.rest()
        assert Counter([*handled, *(each for each, _ in rest)]) == Counter(work.ids)
        assert {attempt for _, attempt in rest} <= {1}
        assert {line["attempt"] for line in work.lines("begun")} == {1}
        assert len(work.lines("begun")) == len(handled)
        return took
    finally:
        work.close()


def stopped_twice(url: str, directory: Path, cut_s: float = 1.0) -> float:
    """Two signals with 8 long handlers at work: returns how long the end took after the second, seconds.

    `cut_s` is how long the worker may take to give the events back; those that it has not given back by then come again as
    their second attempt.
    """
    work = Round(url, directory, f"cut_s={cut_s}", seconds=60, events=30)
    try:
        work.await_that(lambda: len(work.lines("begun")) == _THREADS)
        work.process.send_signal(signal.SIGTERM)
        work.await_that(lambda: "8 handlers still run" in work.log.read_text())
        asked = time.monotonic()
        work.process.send_signal(signal.SIGTERM)
        status = work.process.wait(60)
        took = time.monotonic() - asked
        assert status == 1, work.log.read_text()
        assert work.log.read_text().count("told to stop at once") == _THREADS
        rest = work.rest()
        assert sorted(rest) == sorted((each, 1) for each in work.ids)
        return took
    finally:
        work.close()


def killed(url: str, directory: Path, last_s: float = 0.1) -> int:
    """SIGKILL with 8 handlers at work; returns how many events came twice. `last_s`: what was done since may come again."""
    work = Round(url, directory, "ack_deadline=2")
    try:
        work.await_that(lambda: len(work.lines("done")) >= 60)
        at = time.monotonic()
        work.process.kill()
        work.process.wait()
        done = work.lines("done")
        handled = {line["id"] for line in done}
        late = sum(line["at"] > at - last_s for line in done)
        rest = work.rest(4)
        twice = handled & {each for each, _ in rest}
        assert handled | {each for each, _ in rest} == work.ids
        assert len(twice) <= _THREADS + late, (len(twice), late)
        return len(twice)
    finally:
        work.close()


def main() -> int:
    """Run all of it, and tell the worst."""
    parser = argparse.ArgumentParser(prog="python -m worker.rounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        serving = serving_on("sqlite", None, Path(directory))
        try:
            drains = [stopped(serving.url, Path(directory)) for _ in range(rounds)]
            print(
                f"SIGTERM, {rounds} rounds: each event handled once or released once; slowest drain {max(drains):.2f} s"
            )
            ends = [stopped_twice(serving.url, Path(directory)) for _ in range(rounds)]
            print(f"a second signal, {rounds} rounds: all released; slowest end {max(ends):.2f} s")
            twice = [killed(serving.url, Path(directory)) for _ in range(rounds)]
            print(f"SIGKILL, {rounds} rounds: none lost; at most {max(twice)} of {_EVENTS} events came twice")
        finally:
            serving.close()
    return 0 if max(ends) <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
