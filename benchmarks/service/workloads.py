"""The workloads that all contenders share. Each returns figures by contender."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from benchmarks.service.payloads import payloads
from benchmarks.service.rounds import Figures, alternate, percentile
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

__all__ = ["WORKLOADS"]

Workers = Mapping[str, Worker]
_numbers = itertools.count()


def _topic(workload: str) -> str:
    return f"{workload}{next(_numbers)}"


def lone(workers: Workers, sizes: Sizes) -> Figures:
    """One event a request, each acknowledged before the next: milliseconds."""
    sent = payloads("structured", sizes.lone)

    def turn(worker: Worker, _number: int) -> dict[str, float]:
        topic = _topic("lone")
        if worker.name != "bare echo":
            worker.call("open", topic, 1)
        taken = worker.call("lone", topic, sent)
        if worker.name != "bare echo":
            worker.call("drain", topic, 0, len(sent), 1_000)
        return {"p50 ms": 1e3 * percentile(taken, 0.5), "p99 ms": 1e3 * percentile(taken, 0.99)}

    return alternate(workers, turn, sizes.rounds)


def _batched(kind: str, batch: int) -> Callable[[Workers, Sizes], Figures]:
    def run(workers: Workers, sizes: Sizes) -> Figures:
        sent = payloads(kind, sizes.batched if kind != "webhooks" else sizes.batched // 5)

        def turn(worker: Worker, _number: int) -> dict[str, float]:
            topic = _topic("batch")
            worker.call("open", topic, 1)
            published = worker.call("publish", topic, sent, batch)
            drained = worker.call("drain", topic, 0, len(sent), batch)
            return {"publish /s": len(sent) / published, "drain /s": len(sent) / drained}

        return alternate(workers, turn, sizes.rounds)

    run.__doc__ = f"Publish and drain in batches of {batch}, {kind}: events a second."
    return run


def fan_out(workers: Workers, sizes: Sizes) -> Figures:
    """Publish in batches of 1,000, then ten subscribers drain: deliveries a second, publishing included."""
    sent = payloads("structured", sizes.fan_out)

    def turn(worker: Worker, _number: int) -> dict[str, float]:
        topic = _topic("fan")
        worker.call("open", topic, 10)
        taken = worker.call("publish", topic, sent, 1_000)
        for subscriber in range(10):
            taken += worker.call("drain", topic, subscriber, len(sent), 1_000)
        return {"deliveries /s": 10 * len(sent) / taken}

    return alternate(workers, turn, sizes.rounds)


def _latency(interval_s: float) -> Callable[[Workers, Sizes], Figures]:
    def run(workers: Workers, sizes: Sizes) -> Figures:
        count = sizes.latency_idle if interval_s > 0.01 else sizes.latency_busy

        def turn(worker: Worker, _number: int) -> dict[str, float]:
            taken = worker.call("latencies", _topic("latency"), count, interval_s)
            return {"p50 ms": 1e3 * percentile(taken, 0.5), "p99 ms": 1e3 * percentile(taken, 0.99)}

        return alternate(workers, turn, sizes.rounds)

    run.__doc__ = f"From the publish to the receiver, one event each {1e3 * interval_s:.0f} ms: milliseconds."
    return run


#: by name, with the contenders that take part ("ours json" is ours without orjson)
WORKLOADS: dict[str, tuple[Callable[[Workers, Sizes], Figures], tuple[str, ...]]] = {
    "lone": (lone, ("bare echo", "ours", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams")),
    "batch-1000-structured": (
        _batched("structured", 1_000),
        ("ours", "ours batch()", "ours json", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams"),
    ),
    "batch-1000-string": (
        _batched("string", 1_000),
        ("ours", "ours batch()", "ours json", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams"),
    ),
    "batch-1000-webhooks": (
        _batched("webhooks", 1_000),
        ("ours", "ours batch()", "ours json", "Pub/Sub emulator", "NATS JetStream", "Redis Streams"),
    ),
    "batch-100-structured": (
        _batched("structured", 100),
        ("ours", "ours json", "Pub/Sub emulator", "NATS JetStream", "Redis Streams"),
    ),
    "fan-out": (fan_out, ("ours", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams")),
    "latency-idle": (_latency(0.05), ("ours", "ours firestore", "Pub/Sub emulator", "NATS JetStream", "Redis Streams")),
    "latency-500": (_latency(0.002), ("ours", "Pub/Sub emulator", "NATS JetStream", "Redis Streams")),
}
