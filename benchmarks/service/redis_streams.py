"""Redis Streams with redis-py, with its append-only file: pipelines of 1,000, ``XREADGROUP COUNT 1000``, one ``XACK``."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import redis
from benchmarks.service.processes import Server, free_port, scratch

__all__ = ["RedisStreams"]


class RedisStreams:
    """A contender (see `contender`)."""

    name = "Redis Streams"

    def __init__(self) -> None:
        port = free_port()
        directory = str(scratch())
        command = ["redis-server", "--port", str(port), "--dir", directory, "--appendonly", "yes", "--save", ""]
        self._server = Server([*command, "--bind", "127.0.0.1"], port=port)
        self._redis: Any = redis.Redis(port=port)
        self._port = port

    def open(self, topic: str, subscribers: int) -> None:
        for number in range(subscribers):
            self._redis.xgroup_create(topic, f"g{number}", id="0", mkstream=True)

    def lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        taken = []
        for payload in payloads:
            started = time.perf_counter()
            self._redis.xadd(topic, {"d": payload})
            taken.append(time.perf_counter() - started)
        return taken

    def publish(self, topic: str, payloads: Sequence[bytes], batch: int) -> float:
        started = time.perf_counter()
        for low in range(0, len(payloads), batch):
            pipeline = self._redis.pipeline(transaction=False)
            for payload in payloads[low : low + batch]:
                pipeline.xadd(topic, {"d": payload})
            pipeline.execute()
        return time.perf_counter() - started

    def drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        seen: set[bytes] = set()
        started = time.perf_counter()
        while len(seen) < count:
            ((_, entries),) = self._redis.xreadgroup(f"g{subscriber}", "c", {topic: ">"}, count=batch)
            ids = [entry for entry, _ in entries]
            seen.update(ids)
            self._redis.xack(topic, f"g{subscriber}", *ids)
        return time.perf_counter() - started

    def latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        self.open(topic, 1)
        arrived: dict[int, float] = {}

        def listen() -> None:
            client: Any = redis.Redis(port=self._port)
            while len(arrived) < count:
                for _, entries in client.xreadgroup("g0", "c", {topic: ">"}, count=100, block=5_000):
                    now = time.perf_counter()
                    for entry, fields in entries:
                        arrived[int(fields[b"d"])] = now
                        client.xack(topic, "g0", entry)
            client.close()

        thread = threading.Thread(target=listen)
        thread.start()
        time.sleep(0.3)
        sent = {}
        for number in range(count):
            time.sleep(interval_s)
            sent[number] = time.perf_counter()
            self._redis.xadd(topic, {"d": number})
        thread.join()
        return [arrived[number] - sent[number] for number in range(count)]

    def resident_mb(self) -> float:
        return self._server.resident_mb()

    def close(self) -> None:
        self._redis.close()
        self._server.close()
