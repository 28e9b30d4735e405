"""What a worker costs an event: ours against the bare loop, dramatiq and FastStream, in one run.

    python -m benchmarks.workers                 # a table, some two minutes
    python -m benchmarks.workers --events 2000 --rounds 1

Each contender has a process of its own, and a server of its own: ours is the emulator over SQLite, theirs are redis-server and
nats-server, with files. The events, of 1 KB, are stored before the clock starts. It stops when the last handler has ended, and
if ours left an event unsettled, the run would fail. Contenders take turns, and each figure is the median of its rounds: only
ratios within one run mean anything. What is not installed is left out.

Handlers do nothing, or sleep for 10 ms in 8 threads, of which 800 a second is the most.
"""

# ruff: noqa: PLC0415 - each contender imports its own

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.service.ours import emulator
from benchmarks.service.processes import ROOT, Server, free_port, scratch

from pubsubclient import App, Event, Publisher, ReceivedEvent, Service, Subscriber

_THREADS = 8
_SLEEP_S = 0.01
_PAYLOAD = "x" * 1_000
#: the most that ours may take, as a part of what another takes
_BOUNDS = {"bare loop": 2.0, "dramatiq + Redis": 1 / 5, "FastStream + JetStream": 1 / 3}
#: the least of the 800 events a second that handlers of 10 ms reach
_LEAST = 0.9


class Counter:
    """Counts handled events, in any number of threads, and tells when the last one is."""

    def __init__(self, count: int, sleep_s: float) -> None:
        self._lock = threading.Lock()
        self._left = count
        self.sleep_s = sleep_s
        self.done = threading.Event()
        self.ended = 0.0

    def handle(self) -> None:
        """One event, in a thread."""
        if self.sleep_s:
            time.sleep(self.sleep_s)
        self.count()

    async def handle_async(self) -> None:
        """One event, in a loop."""
        if self.sleep_s:
            await asyncio.sleep(self.sleep_s)
        self.count()

    def count(self) -> None:
        """One event is handled."""
        with self._lock:
            self._left -= 1
            if not self._left:
                self.ended = time.perf_counter()
                self.done.set()

    def wait(self, started: float) -> float:
        """Wait for the last event; returns the seconds since `started`."""
        if not self.done.wait(300):
            raise RuntimeError(f"{self._left} events were not handled")
        return self.ended - started


def _published(count: int) -> Any:
    """Return a subscriber with so many events to come, on an emulator of its own."""
    server = emulator("sqlite")
    service = Service(
        json.loads(server.line.rpartition(" ")[2]) if "{" in server.line else server.line.rpartition(" ")[2]
    )
    subscriber = Subscriber("bench", service=service)
    subscriber.subscribe("events")
    with Publisher("bench", service=service).batch() as batch:
        for _ in range(count):
            batch.publish(Event("events", _PAYLOAD))
    return server, service, subscriber


def bare_loop(count: int, sleep_s: float) -> float:
    """``for event in subscriber.events()`` in one thread."""
    server, _, subscriber = _published(count)
    counter = Counter(count, sleep_s)
    started = time.perf_counter()
    for _ in subscriber.events(wait=0):
        counter.handle()
    taken = counter.wait(started)
    assert not subscriber.state().unsettled
    server.close()
    return taken


def worker(count: int, sleep_s: float) -> float:
    """An App with one plain handler, and a worker of 8 threads."""
    server, service, subscriber = _published(count)
    counter = Counter(count, sleep_s)
    app = App("bench", service=service)

    @app.handler("events")
    def handle(_: ReceivedEvent) -> None:
        counter.handle()

    running = app.worker(concurrency=_THREADS)
    started = time.perf_counter()
    running.start()
    taken = counter.wait(started)
    running.stop()
    assert running.join(30)
    assert not subscriber.state().unsettled
    server.close()
    return taken


def dramatiq_redis(count: int, sleep_s: float) -> float:
    """dramatiq with its broker for Redis, and a worker of 8 threads."""
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    server, port = _redis()
    broker = RedisBroker(host="127.0.0.1", port=port)
    dramatiq.set_broker(broker)
    counter = Counter(count, sleep_s)

    @dramatiq.actor
    def handle(_: str) -> None:
        counter.handle()

    for _ in range(count):
        handle.send(_PAYLOAD)
    running = dramatiq.Worker(broker, worker_threads=_THREADS)
    started = time.perf_counter()
    running.start()
    taken = counter.wait(started)
    broker.join("default")
    running.stop()
    server.close()
    return taken


def faststream_redis(count: int, sleep_s: float) -> float:
    """FastStream with a Redis stream and a group, an event at a time, 8 at once."""
    import redis
    from faststream.redis import RedisBroker, StreamSub

    server, port = _redis()
    client: Any = redis.Redis(port=port)
    client.xgroup_create("events", "bench", id="0", mkstream=True)
    broker = RedisBroker(f"redis://127.0.0.1:{port}", logger=None)
    counter = Counter(count, sleep_s)

    @broker.subscriber(stream=StreamSub("events", group="bench", consumer="one", max_records=100), max_workers=_THREADS)
    async def handle(_: str) -> None:
        await counter.handle_async()

    async def publish() -> None:
        for _ in range(count):
            await broker.publish(_PAYLOAD, stream="events")

    taken = asyncio.run(_run_faststream(broker, publish, counter))
    server.close()
    return taken


def faststream_jetstream(count: int, sleep_s: float) -> float:
    """FastStream with a pulled, durable consumer of a stream in files, 8 at once."""
    from faststream.nats import JStream, NatsBroker, PullSub

    port = free_port()
    server = Server(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(scratch())], port=port)
    broker = NatsBroker(f"nats://127.0.0.1:{port}", logger=None)
    stream = JStream("events", subjects=["events"])
    counter = Counter(count, sleep_s)

    @broker.subscriber("events", stream=stream, durable="bench", pull_sub=PullSub(batch_size=100), max_workers=_THREADS)
    async def handle(_: str) -> None:
        await counter.handle_async()

    async def publish() -> None:
        from nats import connect

        client = await connect(f"nats://127.0.0.1:{port}")
        js = client.jetstream(publish_async_max_pending=count + 1)
        await js.add_stream(name="events", subjects=["events"])
        futures = [await js.publish_async("events", _PAYLOAD.encode()) for _ in range(count)]
        await asyncio.gather(*futures)
        await client.close()

    taken = asyncio.run(_run_faststream(broker, publish, counter))
    server.close()
    return taken


async def _run_faststream(broker: Any, publish: Callable[[], Any], counter: Counter) -> float:
    await broker.connect()
    await publish()
    started = time.perf_counter()
    await broker.start()
    await asyncio.to_thread(counter.done.wait, 300)
    taken = counter.wait(started)
    await broker.stop()
    return taken


def _redis() -> tuple[Server, int]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--dir", str(scratch()), "--appendonly", "yes", "--save", ""]
    return Server([*command, "--bind", "127.0.0.1"], port=port), port


#: what is measured, and what each needs: programs and packages
CONTENDERS: dict[str, tuple[Callable[[int, float], float], tuple[str, ...]]] = {
    "bare loop": (bare_loop, ()),
    "worker": (worker, ()),
    "dramatiq + Redis": (dramatiq_redis, ("redis-server", "dramatiq")),
    "FastStream + Redis": (faststream_redis, ("redis-server", "faststream", "redis")),
    "FastStream + JetStream": (faststream_jetstream, ("nats-server", "faststream", "nats")),
}


def _lacks(name: str) -> list[str]:
    """Return what a contender needs and is not installed."""
    return [
        need
        for need in CONTENDERS[name][1]
        if not (shutil.which(need) or ("-" not in need and importlib.util.find_spec(need)))
    ]


def _measure(name: str, count: int, sleep_s: float) -> float:
    """Run a contender once, in a process of its own; returns the seconds it took."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.workers",
        "--one",
        name,
        "--events",
        str(count),
        "--sleep",
        str(sleep_s),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{name}: {ran.stderr[-2000:]}")
    return float(ran.stdout.split()[-1])


def _rounds(names: list[str], count: int, sleep_s: float, rounds: int) -> dict[str, float]:
    """Return the median seconds of each contender; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            taken[name].append(_measure(name, count, sleep_s))
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> int:
    """Run, print, and tell by the exit status whether all bounds were met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--sleep", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(CONTENDERS[options.one][0](options.events, options.sleep))
        return 0
    names = []
    for name in CONTENDERS:
        lacks = _lacks(name)
        if lacks:
            print(f"{name}: left out, not installed: {', '.join(lacks)}")
        else:
            names.append(name)
    nothing = _rounds(names, options.events, 0.0, options.rounds)
    sleeping = max(160, options.events // 5)
    slow = _rounds([name for name in names if name != "bare loop"], sleeping, _SLEEP_S, options.rounds)
    print(f"\nhandlers that do nothing, {options.events} events of 1 KB:")
    for name, seconds in nothing.items():
        print(f"  {name:24}{seconds / options.events * 1e6:8.0f} µs an event")
    print(f"handlers of 10 ms, {sleeping} events, 8 at once:")
    for name, seconds in slow.items():
        print(f"  {name:24}{sleeping / seconds:8.0f} events a second")
    met = _judge(nothing, sleeping / slow["worker"])
    if options.json:
        options.json.write_text(
            json.dumps({"nothing_s": nothing, "sleeping_s": slow}, indent=1) + "\n", encoding="utf-8"
        )
    return 0 if met else 1


def _judge(nothing: dict[str, float], reached: float) -> bool:
    """Print each bound and whether it was met; returns whether all were."""
    ours, met = nothing["worker"], True
    for name, bound in _BOUNDS.items():
        if name in nothing:
            ratio = ours / nothing[name]
            met = met and ratio <= bound
            print(f"  worker / {name}: {ratio:.2f}, at most {bound:.2f}: {'met' if ratio <= bound else 'MISSED'}")
    least = _LEAST * _THREADS / _SLEEP_S
    print(
        f"  worker with handlers of 10 ms: {reached:.0f}/s, at least {least:.0f}/s: {'met' if reached >= least else 'MISSED'}"
    )
    return met and reached >= least


if __name__ == "__main__":
    sys.exit(main())
