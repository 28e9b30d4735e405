"""What asyncio costs: `pubsubclient.aio` against `pubsubclient` with threads, in one run.

    python -m benchmarks.aio                 # a table, about a minute
    python -m benchmarks.aio --events 2000 --rounds 1

Both use one emulator over SQLite. They take turns, and each figure is the median of its rounds: only ratios within one run
mean anything. 32 threads stand for the tasks that publish an event each; a loop over the futures of a batch stands for the
tasks that await its receipts. CPU is that of the program alone.

While 100 tasks wait for events and are cancelled, and 200 others publish, a task that does nothing else measures the longest
stall of the loop, beside that of the same loop when it is idle, which is the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from benchmarks.service.ours import emulator

import pubsubclient
from pubsubclient import aio

#: the least throughput, as a part of what threads reach
_LEAST = 0.8
#: the longest stall of the loop beyond that of an idle one, seconds, and the longest time until a cancelled task is done
_STALL_S = 0.05
_BACK_S = 0.1

#: seconds, and seconds of CPU
Taken = tuple[float, float]


def _timed(function: Callable[[], object]) -> Taken:
    began, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - began, time.process_time() - cpu


async def _timed_async(coroutine: Coroutine[Any, Any, object]) -> Taken:
    began, cpu = time.perf_counter(), time.process_time()
    await coroutine
    return time.perf_counter() - began, time.process_time() - cpu


def publish_in_threads(topic: str, count: int) -> Taken:
    """An event each, by 32 threads."""
    publisher = pubsubclient.Publisher("bench")
    with ThreadPoolExecutor(32) as threads:
        return _timed(lambda: list(threads.map(lambda number: publisher.publish(topic, number), range(count))))


async def publish_in_tasks(topic: str, count: int) -> Taken:
    """An event each, by as many tasks."""
    publisher = aio.Publisher("bench")
    return await _timed_async(asyncio.wait([asyncio.create_task(publisher.publish(topic, n)) for n in range(count)]))


def batch_in_a_loop(topic: str, count: int) -> Taken:
    """All futures of a batch."""

    def publish() -> None:
        with pubsubclient.Publisher("bench").batch() as batch:
            for future in [batch.publish(topic, number) for number in range(count)]:
                future.result()

    return _timed(publish)


async def batch_in_tasks(topic: str, count: int) -> Taken:
    """All receipts of a batch, each awaited by a task."""

    async def publish() -> None:
        async with aio.Publisher("bench").batch() as batch:
            await asyncio.gather(*(batch.publish(topic, number) for number in range(count)))

    return await _timed_async(publish())


def loop(topic: str, count: int) -> Taken:
    """``for event in subscriber.events()``."""
    subscriber = pubsubclient.Subscriber(f"reader-{uuid4().hex}")
    subscriber.subscribe(topic)

    def read() -> None:
        for number, _ in enumerate(subscriber.events(max_events=1000), 1):
            if number == count:
                break

    return _timed(read)


async def async_loop(topic: str, count: int) -> Taken:
    """``async for event in subscriber.events()``."""
    subscriber = aio.Subscriber(f"reader-{uuid4().hex}")
    await subscriber.subscribe(topic)

    async def read() -> None:
        left = count
        async for _ in subscriber.events(max_events=1000):
            left -= 1
            if not left:
                break

    return await _timed_async(read())


async def cancel_waits(topic: str) -> tuple[float, float, float]:
    """Return the longest stall of the loop, idle and at work, and the median time that a cancellation takes, seconds."""
    subscriber, publisher = aio.Subscriber("waits"), aio.Publisher("bench")
    await subscriber.subscribe(f"{topic}.none")
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - began - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(1)
    idle, worst = worst, 0.0
    waits = [asyncio.create_task(subscriber.get_events(wait=20)) for _ in range(100)]
    await asyncio.sleep(1)
    published = asyncio.gather(*(publisher.publish(topic, number) for number in range(200)))
    taken = []
    for wait in waits:
        began = time.perf_counter()
        wait.cancel()
        await asyncio.wait([wait])
        taken.append(time.perf_counter() - began)
    await published
    watching.cancel()
    return idle, worst, statistics.median(taken)


def main() -> int:
    """Run, print, and tell by the exit status whether all bounds were met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.aio", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    few, many = max(200, options.events // 5), options.events
    pairs = {
        f"{few} events by themselves": (publish_in_threads, publish_in_tasks, few),
        f"{many} events in a batch": (batch_in_a_loop, batch_in_tasks, many),
        f"{many} events in a loop": (loop, async_loop, many),
    }
    server = emulator("sqlite")
    pubsubclient.configure(server.line.rpartition(" ")[2])
    taken: dict[str, tuple[list[Taken], list[Taken]]] = {name: ([], []) for name in pairs}
    try:
        for number in range(options.rounds):
            topic = f"bench.{number}"
            for name, (threads, tasks, count) in pairs.items():
                taken[name][0].append(threads(topic, count))
                taken[name][1].append(asyncio.run(tasks(topic, count)))
        idle_s, stall_s, back_s = asyncio.run(cancel_waits("bench.cancel"))
    finally:
        server.close()
    met = [_report(name, pairs[name][2], *both) for name, both in taken.items()]
    print(
        f"100 cancelled waits: {back_s * 1000:.1f} ms each; "
        f"the loop's longest stall {stall_s * 1000:.1f} ms, and {idle_s * 1000:.1f} ms when it is idle"
    )
    # of a batch, what the tasks themselves cost decides
    return 0 if met[0] and met[2] and stall_s - idle_s < _STALL_S and back_s < _BACK_S else 1


def _report(name: str, count: int, threads: list[Taken], tasks: list[Taken]) -> bool:
    """Print what both sides took; returns whether asyncio reached its part of what threads do."""
    (threads_s, threads_cpu_s), (tasks_s, tasks_cpu_s) = (
        [statistics.median(values) for values in zip(*one, strict=True)] for one in (threads, tasks)
    )
    print(
        f"{name:28} threads {count / threads_s:8.0f}/s ({threads_cpu_s / count * 1e6:4.0f} µs of CPU each)   "
        f"asyncio {count / tasks_s:8.0f}/s ({tasks_cpu_s / count * 1e6:4.0f} µs)   ratio {threads_s / tasks_s:.2f}"
    )
    return threads_s / tasks_s >= _LEAST


if __name__ == "__main__":
    sys.exit(main())
