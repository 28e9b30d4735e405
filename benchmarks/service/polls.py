"""Publishing while long polls are held."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Mapping
from contextlib import closing

import requests
from benchmarks.service.ours import Ours
from benchmarks.service.payloads import payloads
from benchmarks.service.processes import wait_until
from benchmarks.service.rounds import Figures, percentile
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

__all__ = ["waiting"]

_WAIT_S = 4


def waiting(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """A publish while long polls are held, and on the idle service, in turns: milliseconds at the median."""
    one = payloads("structured", 1)[0]
    idle, held = [], []
    with closing(Ours("sqlite", "ours")) as ours:
        for number in range(sizes.rounds):
            idle.append(percentile(ours.lone(f"idle{number}", [one] * sizes.lone), 0.5))
            with _Polls(ours.url, sizes.polls) as polls:
                held.append(percentile(ours.lone(f"held{number}", [one] * sizes.lone), 0.5))
    row = {"idle p50 ms": 1e3 * statistics.median(idle), "with long polls p50 ms": 1e3 * statistics.median(held)}
    return {"ours": {**row, "long polls": sizes.polls, "answered at once, as too many": polls.turned_away}}


class _Polls:
    """Long polls of so many subscribers, asked again as soon as they are answered, for as long as it is open."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._over = threading.Event()
        #: subscribers that were told to come back later: half of the threads may wait
        self._away: set[int] = set()
        self._asked: set[int] = set()
        for number in range(count):
            self._ask("register", {"subscriber": f"poll{number}"})
            self._ask("subscribe", {"subscriber": f"poll{number}", "topic": "quiet"})
        self._threads = [threading.Thread(target=self._poll, args=(number,)) for number in range(count)]

    @property
    def turned_away(self) -> int:
        """How many were told at some time to come back later."""
        return len(self._away)

    def __enter__(self) -> _Polls:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self._asked) == len(self._threads), 30)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, function: str, body: dict[str, object]) -> None:
        requests.post(f"{self._url}/{function}", json=body, timeout=20).raise_for_status()

    def _poll(self, number: int) -> None:
        body = {"subscriber": f"poll{number}", "wait_s": _WAIT_S}
        with requests.Session() as session:
            while not self._over.is_set():
                self._asked.add(number)
                answer = session.post(f"{self._url}/get_events", json=body, timeout=30)
                answer.raise_for_status()
                if "Retry-After" in answer.headers:
                    self._away.add(number)
                    self._over.wait(float(answer.headers["Retry-After"]))
