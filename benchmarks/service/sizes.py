"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "USUAL", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """Events of a turn, by workload."""

    rounds: int
    lone: int
    batched: int
    fan_out: int
    latency_idle: int
    latency_busy: int
    competing: int
    costs: int
    wrk_s: int
    starts: int
    polls: int
    #: sizes of the logs that are drained to see how the time grows
    growth: tuple[int, ...]
    #: events after which the memory of the serving process is compared
    memory: tuple[int, int]


QUICK = Sizes(5, 60, 5_000, 2_000, 20, 150, 2_000, 2_000, 2, 3, 100, (1_000, 10_000), (10_000, 30_000))
USUAL = Sizes(5, 300, 20_000, 5_000, 40, 500, 20_000, 10_000, 5, 5, 100, (1_000, 10_000, 100_000), (10_000, 100_000))
FULL = Sizes(
    5, 300, 20_000, 5_000, 40, 500, 20_000, 10_000, 5, 5, 100, (1_000, 10_000, 100_000, 1_000_000), (10_000, 1_000_000)
)
