"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUICK", "USUAL", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """Events of a turn, by workload."""

    #: turns of each contender, after one to warm up
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
    #: how long one request waits for nothing, and how long receivers have waited when their event comes, seconds
    held_s: int
    waited_s: int
    #: receivers of a turn, each of one event
    waiters: int
    memory: int
    #: lengths of the logs that are drained, one after the other
    growth: tuple[int, ...]


QUICK = Sizes(
    rounds=5, lone=50, batched=3_000, fan_out=1_000, latency_idle=10, latency_busy=100, competing=2_000, costs=2_000, wrk_s=1,
    starts=3, polls=100, held_s=5, waited_s=4, waiters=5, memory=10_000,
    growth=(1_000,) * 3 + (10_000,) * 2 + (30_000,),
)  # fmt: skip
USUAL = Sizes(
    rounds=5, lone=200, batched=10_000, fan_out=3_000, latency_idle=30, latency_busy=500, competing=10_000, costs=10_000,
    wrk_s=2, starts=5, polls=100, held_s=20, waited_s=10, waiters=20, memory=100_000,
    growth=(1_000,) * 5 + (10_000,) * 5 + (100_000,) * 2 + (1_000_000,),
)  # fmt: skip
