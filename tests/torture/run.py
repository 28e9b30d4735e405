"""One run: start everything, do harm for a while, let it come to rest, judge it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import requests

from pubsubclient import Service, Subscriber, Topic
from stores.opening import open_store
from torture.checker import check
from torture.evidence import Evidence, Handing
from torture.fleet import Fleet, Function, Process, end_all
from torture.googles import GooglesEmulator
from torture.nemesis import Nemesis
from torture.promised import Mortal, Promised
from torture.proxy import Proxy
from torture.recording import WRITER
from torture.records import Expired, read_history
from torture.report import Report
from torture.times import ACK_DEADLINE_S, DRAIN_S, ONCE_US, PUBLISH_S
from torture.versions import chains
from torture.workload import PUBLISHERS, SUBSCRIBERS, TOPICS, is_kept, is_wanted

__all__ = ["Run", "Store"]

_FUNCTIONS = 3
#: what was on its way when it became calm has arrived by then, seconds
_SETTLE_S = 2.0
_LOOK_S = 0.25
#: how long consumers may take to end once everything is done, seconds
_END_S = 20.0


#: what is to hold of `workload`
_PROMISED = Promised(
    is_wanted, is_kept, ONCE_US, ACK_DEADLINE_S * 1_000_000, ordered=frozenset({("strict", "orders")}),
    mortal={"fragile": Mortal(3, "fragile.dead", "undertaker")},
)  # fmt: skip


class Store(NamedTuple):
    """Where a run's events are."""

    name: str
    #: for `stores.opening.open_store`
    url: str
    #: Google's emulator, if it may be frozen
    emulator: GooglesEmulator | None = None


class Run:
    """A run of so many seconds over an empty store, in a new directory.

    Args:
        bug: a rule to be broken, a key of `planted.PLANTED`
    """

    def __init__(self, store: Store, directory: Path, seconds: float, seed: int, bug: str | None = None) -> None:
        self._store = store
        self._directory = directory
        self._seconds = seconds
        self._seed = seed
        self._bug = bug
        self._survived: Counter[str] = Counter()
        self._calm_file = directory / "calm"
        self._fleet = Fleet()

    def run(self) -> Report:
        """Run it. Raises what kept it from coming to its end."""
        self._enlist_functions()
        with self._fleet as fleet, Proxy(fleet.ports, self._seed, self._survived) as proxy:
            for function in fleet.functions:
                function.start()
            fleet.await_functions()
            self._set_up(f"http://127.0.0.1:{fleet.ports()[0]}")
            self._enlist_others(proxy.url)
            for process in [*fleet.publishers, *fleet.consumers, *fleet.others]:
                process.start()
            nemesis = Nemesis(fleet, self._seed, self._survived, self._store.emulator)
            nemesis.run(self._seconds)
            proxy.calm = True
            left_over, mishaps = self._come_to_rest()
        return self._judge(left_over, nemesis.ended + mishaps)

    def _enlist_functions(self) -> None:
        shared = ["--store", self._store.url, *(["--bug", self._bug] if self._bug else [])]
        self._fleet.functions = [
            Function(f"function-{number}", shared, self._directory) for number in range(1, _FUNCTIONS + 1)
        ]

    def _enlist_others(self, url: str) -> None:
        shared = ["--store", self._store.url, *(["--bug", self._bug] if self._bug else [])]
        self._fleet.others = [Process("expire", "expiring", [*shared, "--url", url], self._directory)]
        for name in PUBLISHERS:
            arguments = ["--url", url, "--name", name]
            seed = self._seed * 100 + len(self._fleet.publishers)
            self._fleet.publishers.append(Process(name, "publishing", arguments, self._directory, seed))
        for name, subscribing in SUBSCRIBERS.items():
            for number, mode in enumerate(subscribing.consumers, 1):
                arguments = ["--url", url, "--name", name, "--mode", mode, "--calm", str(self._calm_file)]
                seed = self._seed * 100 + 50 + len(self._fleet.consumers)
                process = Process(f"{name}-{number}", "consuming", arguments, self._directory, seed)
                self._fleet.consumers.append(process)

    def _set_up(self, url: str) -> None:
        """Topics and subscriptions are there before anything is published."""
        service = Service(url)
        for name, plan in TOPICS.items():
            Topic(name, partitions=plan.partitions, retention=plan.retention_s, service=service)
        for name, subscribing in SUBSCRIBERS.items():
            Subscriber(name, service=service)
            for topic in subscribing.topics:
                requests.post(f"{url}/subscribe", json=subscribing.body(name, topic), timeout=30).raise_for_status()

    def _come_to_rest(self) -> tuple[dict[str, str], list[str]]:
        """No more harm and no more events; what subscribers still have left after a while, and who had to be killed."""
        self._calm_file.touch()
        fleet = self._fleet
        for process in fleet.all:
            if not process.running:
                process.start()
        stuck = end_all(fleet.publishers, 4 * PUBLISH_S)
        fleet.await_functions()
        time.sleep(_SETTLE_S)
        give_up = time.monotonic() + DRAIN_S
        while (left_over := self._left_over()) and time.monotonic() < give_up:
            time.sleep(_LOOK_S)
        stuck += end_all([*fleet.consumers, *fleet.others], _END_S)
        return left_over, [f"{name} did not end when it was asked to" for name in stuck]

    def _left_over(self) -> dict[str, str]:
        left_over = {}
        for name in SUBSCRIBERS:
            url = f"http://127.0.0.1:{self._fleet.ports()[0]}/register"
            answer = requests.get(url, params={"subscriber": name}, timeout=30)
            answer.raise_for_status()
            state = answer.json()
            left = {what: state[what] for what in ("backlog", "unsettled", "delayed", "dead") if state[what]}
            if left:
                left_over[name] = ", ".join(f"{what}: {count}" for what, count in left.items())
        return left_over

    def _judge(self, left_over: dict[str, str], mishaps: list[str]) -> Report:
        records = [record for _, record in read_history(self._directory)]
        found = chains(records, self._last_writers())
        handings = {subscriber: Handing(chain) for subscriber, chain in found.items()}
        verdict = check(Evidence(records), handings, _PROMISED, left_over)
        deleted = sum(record.batches for record in records if isinstance(record, Expired))
        counts = {**verdict.counts, "batches deleted by retention": deleted}
        title = f"{self._store.name}, {self._seconds:.0f} s, seed {self._seed}"
        return Report(title, verdict._replace(counts=counts), self._survived, mishaps, str(self._directory))

    def _last_writers(self) -> dict[str, str]:
        store = open_store(self._store.url)
        try:
            docs = store.get_many([f"subscribers/{name}" for name in SUBSCRIBERS]).docs
        finally:
            store.close()
        return {name: str(doc.data.get(WRITER, "")) if doc else "" for name, doc in zip(SUBSCRIBERS, docs, strict=True)}
