"""How time and memory grow with the number of events."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping

from benchmarks.service.payloads import payloads
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

__all__ = ["growth", "memory"]

#: published at once, so that the benchmark itself stays small
_PORTION = 50_000


def growth(workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Drains of ever longer logs by one server: seconds, the slope of their logarithms, and the server's memory."""
    figures: Figures = {}
    for name, worker in workers.items():
        figures[name] = row = {"started MB": worker.call("resident_mb")}
        taken: dict[int, list[float]] = {}
        for number, events in enumerate([10_000, *sizes.growth]):  # the first only warms up
            seconds = _drain(worker, f"growth-{number}", events)
            if number:
                taken.setdefault(events, []).append(seconds)
            else:
                row[f"after {events} MB"] = _settled_mb(worker)
        row[f"after {max(taken)} MB"] = _settled_mb(worker)
        row["more MB"] = row[f"after {max(taken)} MB"] - row["after 10000 MB"]
        points = {events: statistics.median(times) for events, times in sorted(taken.items())}
        row |= {f"drain of {events} s": seconds for events, seconds in points.items()}
        slope, _ = statistics.linear_regression([*map(math.log, points)], [*map(math.log, points.values())])
        row["slope"] = slope
    return figures


def memory(workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Resident memory of servers before and after events were published and drained: megabytes."""
    figures: Figures = {}
    for name, worker in workers.items():
        before = worker.call("resident_mb")
        _drain(worker, "memory", sizes.memory)
        figures[name] = {"started MB": before, f"after {sizes.memory} MB": _settled_mb(worker)}
    return figures


def _settled_mb(worker: Worker) -> float:
    """What is resident once it was idle for a moment: what it does not need it gives back in its own time."""
    time.sleep(2)
    resident: float = worker.call("resident_mb")
    return resident


def _drain(worker: Worker, topic: str, events: int) -> float:
    worker.call("open", topic, 1)
    portion = payloads("structured", min(events, _PORTION))
    for low in range(0, events, _PORTION):
        worker.call("publish", topic, portion[: events - low], 1_000)
    seconds: float = worker.call("drain", topic, 0, events, 1_000)
    return seconds
