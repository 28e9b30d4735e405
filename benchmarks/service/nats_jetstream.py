"""NATS JetStream with nats-py: file storage, ``publish_async`` 2,000 at a time, ``fetch(1000)`` and an ack for each event."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import nats
from benchmarks.service.processes import Server, free_port, scratch
from nats.js.api import AckPolicy, ConsumerConfig, StorageType

__all__ = ["Jetstream"]

_IN_FLIGHT = 2_000


class Jetstream:
    """A contender (see `contender`); its client is asynchronous, so it has a loop in a thread."""

    name = "NATS JetStream"

    def __init__(self) -> None:
        port = free_port()
        directory = str(scratch())
        self._server = Server(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", directory], port=port)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._run(self._connect(port))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _connect(self, port: int) -> None:
        self._client = await nats.connect(f"nats://127.0.0.1:{port}")
        self._stream = self._client.jetstream(publish_async_max_pending=_IN_FLIGHT)

    def open(self, topic: str, subscribers: int) -> None:
        self._run(self._open(topic, subscribers))

    async def _open(self, topic: str, subscribers: int) -> None:
        await self._stream.add_stream(name=topic, subjects=[topic], storage=StorageType.FILE)
        for number in range(subscribers):
            config = ConsumerConfig(
                durable_name=f"{topic}-{number}", ack_policy=AckPolicy.EXPLICIT, max_ack_pending=100_000
            )
            await self._stream.add_consumer(topic, config)

    def lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        return self._run(self._lone(topic, payloads))  # type: ignore[no-any-return]

    async def _lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        taken = []
        for payload in payloads:
            started = time.perf_counter()
            await self._stream.publish(topic, payload)
            taken.append(time.perf_counter() - started)
        return taken

    def publish(self, topic: str, payloads: Sequence[bytes], batch: int) -> float:
        return self._run(self._publish(topic, payloads, batch))  # type: ignore[no-any-return]

    async def _publish(self, topic: str, payloads: Sequence[bytes], batch: int) -> float:
        size = min(_IN_FLIGHT, 2 * batch)
        started = time.perf_counter()
        for low in range(0, len(payloads), size):
            futures = [await self._stream.publish_async(topic, payload) for payload in payloads[low : low + size]]
            await asyncio.gather(*futures)
        return time.perf_counter() - started

    def drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        return self._run(self._drain(topic, subscriber, count, batch))  # type: ignore[no-any-return]

    async def _drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        subscription = await self._stream.pull_subscribe_bind(f"{topic}-{subscriber}", topic)
        seen: set[int] = set()
        started = time.perf_counter()
        while len(seen) < count:
            for message in await subscription.fetch(min(batch, count - len(seen)), timeout=5):
                seen.add(message.metadata.sequence.stream)
                await message.ack()
        await self._client.flush()
        taken = time.perf_counter() - started
        await subscription.unsubscribe()
        return taken

    def latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        return self._run(self._latencies(topic, count, interval_s))  # type: ignore[no-any-return]

    async def _latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        await self._open(topic, 0)
        arrived: dict[int, float] = {}
        done = asyncio.Event()

        async def receive(message: Any) -> None:
            arrived[int(message.data)] = time.perf_counter()
            await message.ack()
            if len(arrived) == count:
                done.set()

        subscription = await self._stream.subscribe(topic, cb=receive, manual_ack=True)
        sent = {}
        for number in range(count):
            await asyncio.sleep(interval_s)
            sent[number] = time.perf_counter()
            await self._stream.publish(topic, b"%d" % number)
        await asyncio.wait_for(done.wait(), 20)
        await subscription.unsubscribe()
        return [arrived[number] - sent[number] for number in range(count)]

    def resident_mb(self) -> float:
        return self._server.resident_mb()

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._server.close()
