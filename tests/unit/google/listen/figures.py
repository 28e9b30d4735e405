"""What waits over Firestore cost, and how soon they are told: over Google's emulator, or the server of these tests."""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

from grpc import StatusCode

from pubsubservice.core.meter import Meter, start_meter
from pubsubservice.storage.firestore.store import FirestoreStore
from stores.services import Calls
from unit.google.listen.programs import CROWDED, FORKING, WAITING, Program
from unit.google.listen.server import Listening
from unit.google.listen.waiting import SteppedRuntime, cloud_store

__all__ = ["forks", "killed", "never_works", "races", "reads", "stopped", "threads"]

#: subscriptions that wait: the pattern or topic, and how many topics there are
_WAITS = (("orders.0", 1), ("orders.*", 1), ("orders.*", 20), ("orders.*", 100))


@contextmanager
def _server() -> Iterator[Listening]:
    server = Listening()
    try:
        yield server
    finally:
        server.close()


def _store(emulator: str) -> FirestoreStore:
    return FirestoreStore(f"waits-{uuid4().hex[:12]}", emulator=emulator)


def reads(emulator: str, wait_s: float) -> list[int]:
    """Reads of a request that waits and gets nothing: for one topic, and under a pattern of 1, 20 and 100 topics."""
    stores = [_store(emulator) for _ in _WAITS]
    waiting = [_waiting(store, *wait) for store, wait in zip(stores, _WAITS, strict=True)]
    with ThreadPoolExecutor(len(waiting)) as pool:
        begun = [pool.submit(calls.cost, lambda calls=calls: calls.get(wait_s=wait_s)) for calls in waiting]
        meters: list[Meter] = [wait.result() for wait in begun]
    for store in stores:
        store.close()
    return [meter.reads for meter in meters]


def _waiting(store: FirestoreStore, subscribed: str, topics: int) -> Calls:
    """A subscriber that has got all events, and looks until looks get no cheaper: the first ones read more."""
    calls = Calls(store)
    calls.subscribe(subscribed)
    for topic in range(topics):
        calls.publish(f"orders.{topic}")
    calls.drain()
    looks = [2**31]
    while len(looks) < 3 or looks[-1] < looks[-2]:
        looks.append(calls.cost(calls.get).reads)
    return calls


def threads(waits: int) -> int:
    """Threads of a process beyond one for each of its waits."""
    with _server() as server:
        program = Program(CROWDED, address=server.address, waits=waits)
        server.await_targets(waits)
        program.say()
        more = int(program.line())
        for n in range(waits):
            server.create(f"a/{n}")
        assert program.line() == str(waits), "all are told"
        program.end()
    return more


def races(emulator: str, rounds: int) -> int:
    """Waits that were not told of documents which were created while they attached; eight at once."""
    store = _store(emulator)
    lost = 0
    with ThreadPoolExecutor(16) as pool:
        for round_ in range(rounds):
            paths = [f"races/{round_}-{n}" for n in range(8)]
            waits = [pool.submit(store.wait_for, [path], 10.0) for path in paths]
            created = [pool.submit(store.create, path, {}) for path in random.sample(paths, len(paths))]
            for create in created:
                create.result()
            lost += sum(not wait.result() for wait in waits)
    store.close()
    return lost


def killed(seconds: float) -> tuple[int, float]:
    """While all streams are killed every 50 ms: how many waits were told, and at most how long after the commit, seconds."""
    over = threading.Event()
    late: list[float] = []

    def wait_and_create(thread: int) -> None:
        number = 0
        while not over.is_set():
            path = f"killed/{thread}-{number}"
            number += 1
            created: list[float] = []

            def create(path: str = path, created: list[float] = created) -> None:
                created.append(time.monotonic())
                server.create(path)

            timer = threading.Timer(random.random(), create)
            timer.start()
            assert store.wait_for([path], 20.0)
            told = time.monotonic()
            timer.join()
            late.append(max(0.0, told - created[0]))

    with _server() as server, ThreadPoolExecutor(8) as pool:
        store = cloud_store(server)
        running = [pool.submit(wait_and_create, thread) for thread in range(8)]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.05)
            for stream in [*server.streams]:
                if not stream.ended.is_set():
                    stream.end()
        over.set()
        for each in running:
            each.result()
        store.close()
    return len(late), max(late)


def never_works(code: StatusCode) -> tuple[int, int]:
    """Where each stream ends with a code: streams of the first minute, and reads beyond those of a service that only polls."""
    with _server() as server:
        server.on_stream = lambda stream: stream.end(code)
        billed = []
        for polls in (True, False):
            runtime = SteppedRuntime()
            store = cloud_store(server, runtime)
            if polls:
                store._listener.close()
            meter = start_meter()
            while runtime.ahead_s < 60:
                store.wait_for(["a/1", "a/2"], 20.0)
            billed.append(meter.reads)
            store.close()
        return len(server.streams), billed[1] - billed[0]


def forks(room: int, processes: int) -> float:
    """The longest of two forks of each of so many processes in which ten waits listen, seconds.

    The children work, and all waits are told. A wait attaches three times, so a third fork would let it poll.
    """
    took = []
    for _ in range(processes):
        with _server() as server:
            program = Program(FORKING, address=server.address, room=room, forks=2, more="")
            for _ in range(2):
                server.await_targets(10)
                program.say()
                took_s, code = program.line().split()
                assert code == "0", "the child works"
                took.append(float(took_s))
            server.await_targets(10)
            program.say()
            assert program.line() == "10", "all are told"
            program.end()
    return max(took)


def stopped(seconds: float, count: int) -> float:
    """How long after a commit a wait is told whose process was stopped before it: the median of so many, in milliseconds."""
    took = []
    with _server() as server:
        program = Program(WAITING, address=server.address)
        for number in range(count + 1):
            path = f"a/{number}"
            program.say(path)
            server.await_targets(1)
            began = time.monotonic()
            server.create(path)
            assert program.line() == "True"
            took.append(1_000 * (time.monotonic() - began))
            os.kill(program.process.pid, signal.SIGSTOP)
            time.sleep(seconds if number < count else 0)
            os.kill(program.process.pid, signal.SIGCONT)
        program.end()
    return statistics.median(took[1:])
