"""Contenders take turns, and the median of their turns counts: what else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from benchmarks.service.worker import Worker

__all__ = ["Figures", "alternate", "percentile"]

#: {contender: {figure: value}}
Figures = dict[str, dict[str, float]]

Turn = Callable[[Worker, int], Mapping[str, float]]


def alternate(workers: Mapping[str, Worker], turn: Turn, rounds: int) -> Figures:
    """Let each contender take its turn, round after round (the first one only warms up); the median of each figure."""
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in workers}
    for number in range(rounds + 1):
        for name, worker in workers.items():
            for figure, value in turn(worker, number).items():
                if number:
                    taken[name].setdefault(figure, []).append(value)
    return {
        name: {figure: statistics.median(values) for figure, values in figures.items()}
        for name, figures in taken.items()
    }


def percentile(values: list[float], share: float) -> float:
    """The value that so much of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
