"""Who is compared in `workers`: each stores events, lets handlers have them, and says how long that took."""

# ruff: noqa: PLC0415 - each contender imports its own

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.service.ours import emulator
from benchmarks.service.processes import Server, free_port, scratch

from pubsubclient import App, Event, Publisher, ReceivedEvent, Service, Subscriber

__all__ = ["CONTENDERS", "SLEEP_S", "THREADS", "lacks"]

THREADS = 8
#: how long a slow handler takes, seconds
SLEEP_S = 0.01
_PAYLOAD = "x" * 1_000


class _Counter:
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
    counter = _Counter(count, sleep_s)
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
    counter = _Counter(count, sleep_s)
    app = App("bench", service=service)

    @app.handler("events")
    def handle(_: ReceivedEvent) -> None:
        counter.handle()

    running = app.worker(concurrency=THREADS)
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
    counter = _Counter(count, sleep_s)

    @dramatiq.actor
    def handle(_: str) -> None:
        counter.handle()

    for _ in range(count):
        handle.send(_PAYLOAD)
    running = dramatiq.Worker(broker, worker_threads=THREADS)
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
    counter = _Counter(count, sleep_s)

    @broker.subscriber(stream=StreamSub("events", group="bench", consumer="one", max_records=100), max_workers=THREADS)
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
    counter = _Counter(count, sleep_s)

    @broker.subscriber("events", stream=stream, durable="bench", pull_sub=PullSub(batch_size=100), max_workers=THREADS)
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


async def _run_faststream(broker: Any, publish: Callable[[], Any], counter: _Counter) -> float:
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


def lacks(name: str) -> list[str]:
    """Return what a contender needs and is not installed."""
    return [
        need
        for need in CONTENDERS[name][1]
        if not (shutil.which(need) or ("-" not in need and importlib.util.find_spec(need)))
    ]
