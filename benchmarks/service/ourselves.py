"""What only this project is measured in: groups of lone publishes, competing consumers, costs, growth, memory, starts."""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from benchmarks.service.ours import Ours, emulator
from benchmarks.service.payloads import payloads
from benchmarks.service.processes import ROOT, Server, free_port
from benchmarks.service.rounds import Figures, alternate, percentile
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

__all__ = ["OURSELVES"]

Workers = Mapping[str, Worker]

#: Firestore's Standard edition in us-central1, dollars an operation (2026-11)
PRICES = {"reads": 0.03 / 100_000, "writes": 0.09 / 100_000, "deletes": 0.01 / 100_000}

_WRK = Path(__file__).with_name("publish.lua")


def together(workers: Workers, sizes: Sizes) -> Figures:
    """Lone publishes over 8 and 64 connections by wrk: requests a second, and events a commit."""
    if shutil.which("wrk") is None:
        return {}
    figures: Figures = {}
    for connections in (8, 64):

        def turn(worker: Worker, number: int, connections: int = connections) -> dict[str, float]:
            topic = f"wrk{connections}-{number}"
            ours = worker.name != "bare echo"
            if ours:
                worker.call("open", topic, 1)
            url = f"{worker.call('address')}/{'publish' if ours else 'echo'}"
            command = ["wrk", "-t2", f"-c{connections}", f"-d{sizes.wrk_s}s", "-s", str(_WRK), url, "--", topic]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            if "Non-2xx" in printed:
                raise AssertionError(printed)
            rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]
            sent = int(re.search(r"(\d+) requests in", printed)[1])  # type: ignore[index]
            found = {f"requests /s, {connections}": rate}
            if ours:
                events, commits = worker.call("commits", topic, 0)
                if events < sent:
                    raise AssertionError(f"{events} of {sent} events are stored")
                found[f"events a commit, {connections}"] = events / commits
            return found

        for name, row in alternate(workers, turn, max(3, sizes.rounds // 2)).items():
            figures.setdefault(name, {}).update(row)
    return figures


def competing(workers: Workers, sizes: Sizes) -> Figures:
    """get_events by 1, 4 and 16 consumers of one subscriber: events a second, and calls a second."""
    figures: Figures = {}
    for consumers in (1, 4, 16):

        def turn(worker: Worker, number: int, consumers: int = consumers) -> dict[str, float]:
            taken, calls = worker.call("competing", f"c{consumers}-{number}", consumers, sizes.competing, 200)
            return {f"events /s, {consumers}": sizes.competing / taken, f"calls /s, {consumers}": calls / taken}

        for name, row in alternate(workers, turn, 3).items():
            figures.setdefault(name, {}).update(row)
    return figures


def costs(workers: Workers, sizes: Sizes) -> Figures:
    """Store operations and Firestore's charges of a million 1-KB events to one subscriber, in batches of 100 and alone."""
    figures: Figures = {}
    for name, worker in workers.items():
        figures[name] = {}
        for batch, count in ((100, sizes.costs), (1, sizes.costs // 20)):
            counted = worker.call("costs", f"cost{batch}", payloads("structured", count), batch)
            for kind, number in counted.items():
                figures[name][f"{kind} a million, batches of {batch}"] = number * 1e6 / count
            dollars = sum(PRICES[kind] * number for kind, number in counted.items()) * 1e6 / count
            # each batch is deleted once, after being looked at once, by a later run of expire
            kept = (PRICES["deletes"] + PRICES["reads"]) * 1e6 / batch
            figures[name][f"$ a million, batches of {batch}"] = dollars
            figures[name][f"$ a million with retention, batches of {batch}"] = dollars + kept
    return figures


def growth(workers: Workers, sizes: Sizes) -> Figures:
    """How the time of a drain grows with the log: seconds, and the slope of their logarithms."""
    figures: Figures = {}
    for name, worker in workers.items():
        figures[name] = row = {}
        for events in sizes.growth:
            taken = []
            for number in range(3 if events <= 10_000 else 1):
                topic = f"growth{events}-{number}"
                worker.call("open", topic, 1)
                for _ in range(-(-events // 50_000)):
                    worker.call("publish", topic, payloads("string", min(events, 50_000)), 1_000)
                taken.append(worker.call("drain", topic, 0, events, 1_000))
            row[f"drain of {events} s"] = statistics.median(taken)
        low, high = sizes.growth[0], sizes.growth[-1]
        ratio = row[f"drain of {high} s"] / row[f"drain of {low} s"]
        row["slope"] = math.log(ratio) / math.log(high / low)
    return figures


def memory(workers: Workers, sizes: Sizes) -> Figures:
    """Resident memory of the serving process after events were published and drained: megabytes."""
    figures: Figures = {}
    for name, label in (("ours", "ours"),):
        ours = Ours("sqlite", label)
        figures[name] = row = {"at its start MB": ours.resident_mb()}
        done = 0
        for events in sizes.memory:
            while done < events:
                topic, count = f"memory{done}", min(50_000, events - done)
                ours.open(topic, 1)
                ours.publish(topic, payloads("structured", count), 1_000)
                ours.drain(topic, 0, count, 1_000)
                done += count
            row[f"after {events} MB"] = ours.resident_mb()
        row["growth MB"] = row[f"after {sizes.memory[1]} MB"] - row[f"after {sizes.memory[0]} MB"]
        ours.close()
    return figures


def waiting(workers: Workers, sizes: Sizes) -> Figures:
    """A publish while long polls are held, and on the idle service: milliseconds at the median."""
    ours = Ours("sqlite", "ours")
    one = payloads("structured", 1)[0]
    idle, held = [], []
    for number in range(sizes.rounds):
        idle.append(percentile(ours.lone(f"idle{number}", [one] * sizes.lone), 0.5))
        with _Polls(ours.url, sizes.polls) as polls:
            held.append(percentile(ours.lone(f"held{number}", [one] * sizes.lone), 0.5))
            answered = polls.answered
    ours.close()
    row = {"idle p50 ms": 1e3 * statistics.median(idle), "with long polls p50 ms": 1e3 * statistics.median(held)}
    return {"ours": {**row, "long polls": sizes.polls, "of them answered at once": answered}}


class _Polls:
    """Long polls of so many subscribers, asked again as soon as they are answered, for as long as it is open."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._over = threading.Event()
        self.answered = 0
        for number in range(count):
            requests.post(f"{url}/register", json={"subscriber": f"poll{number}"}, timeout=20).raise_for_status()
            body = {"subscriber": f"poll{number}", "topic": "quiet"}
            requests.post(f"{url}/subscribe", json=body, timeout=20).raise_for_status()
        self._threads = [threading.Thread(target=self._poll, args=(number,)) for number in range(count)]

    def __enter__(self) -> _Polls:
        for thread in self._threads:
            thread.start()
        time.sleep(1.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _poll(self, number: int) -> None:
        session = requests.Session()
        body = {"subscriber": f"poll{number}", "wait_s": 4}
        while not self._over.is_set():
            answer = session.post(f"{self._url}/get_events", json=body, timeout=30)
            if "Retry-After" in answer.headers:
                self.answered += 1
                self._over.wait(float(answer.headers["Retry-After"]))
        session.close()


def starts(workers: Workers, sizes: Sizes) -> Figures:
    """From the start of a process until it serves: seconds."""
    figures: Figures = {}
    taken: dict[str, list[float]] = {"ours": [], "ours firestore": []}
    for _ in range(sizes.starts):
        for name, times in taken.items():
            server = emulator("firestore" if name.endswith("firestore") else "sqlite")
            times.append(server.ready_s)
            server.close()
    for name, times in taken.items():
        figures[name] = {"start to ready s": statistics.median(times)}
    return figures


def cold(workers: Workers, sizes: Sizes) -> Figures:
    """The first answer of a function that was just started, over Google's Firestore emulator: seconds.

    Against a bare functions-framework function that reads one document with google-cloud-firestore.
    """
    google = emulator("firestore")
    found = re.search(r"FIRESTORE_EMULATOR_HOST=(\S+)", google.line) or re.search(
        r"on (127\.0\.0\.1:\d+)", google.line
    )
    host = found[1] if found else _firestore_of(google)
    bare = Path(tempfile.mkdtemp(prefix="bare-")) / "main.py"
    bare.write_text(Path(__file__).with_name("bare_function.py").read_text(encoding="utf-8"), encoding="utf-8")
    contenders: dict[str, tuple[str, str, dict[str, object]]] = {
        "ours": (str(ROOT / "functions" / "main.py"), "register", {"publisher": "cold"}),
        "bare function": (str(bare), "read", {}),
    }
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(sizes.starts):
        for name, (source, target, body) in contenders.items():
            port = free_port()
            command = [sys.executable, "-m", "functions_framework", "--source", source, "--target", target]
            started = time.perf_counter()
            server = Server(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                port=port,
                more={"FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": "cold"},
            )
            requests.post(f"http://127.0.0.1:{port}/", json=body, timeout=60).raise_for_status()
            taken[name].append(time.perf_counter() - started)
            server.close()
    google.close()
    return {name: {"first answer s": statistics.median(times)} for name, times in taken.items()}


def _firestore_of(server: Server) -> str:
    """The address of the Firestore emulator that an emulator has started: the one port of its Java that listens."""
    printed = subprocess.run(["ss", "-tlnp"], check=True, capture_output=True, text=True).stdout
    ports = re.findall(r"127\.0\.0\.1\]?:(\d+)\s.*java", printed)
    return f"127.0.0.1:{ports[-1]}"


#: by name, with the workers that take part
OURSELVES: dict[str, tuple[Callable[[Workers, Sizes], Figures], tuple[str, ...]]] = {
    "together": (together, ("bare echo", "ours")),
    "competing": (competing, ("ours", "ours firestore")),
    "costs": (costs, ("ours", "ours firestore")),
    "growth": (growth, ("ours",)),
    "memory": (memory, ()),
    "waiting": (waiting, ()),
    "starts": (starts, ()),
    "cold": (cold, ()),
}

if __name__ == "__main__":
    print(json.dumps(sorted(OURSELVES)))
