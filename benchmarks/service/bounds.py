"""The ratios that this project holds itself to, and whether a run met them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from benchmarks.service.rounds import Figures

__all__ = ["Verdict", "verdicts"]

Results = Mapping[str, Figures]
_PUBSUB, _NATS = "Pub/Sub emulator", "NATS JetStream"


class Verdict(NamedTuple):
    """One bound: what was measured, and what is allowed."""

    what: str
    measured: float
    #: "<=" or ">="
    sense: str
    bound: float

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.measured <= self.bound if self.sense == "<=" else self.measured >= self.bound


def verdicts(results: Results) -> list[Verdict]:
    """All bounds whose figures are there."""
    found = []
    for what, sense, bound, ratio in _BOUNDS:
        with suppress(KeyError):  # a workload that was left out, or a peer that is not installed
            found.append(Verdict(what, ratio(results), sense, bound))
    return found


def _ratio(workload: str, figure: str, one: str, other: str) -> Callable[[Results], float]:
    return lambda results: results[workload][one][figure] / results[workload][other][figure]


def _figure(workload: str, figure: str, name: str = "ours") -> Callable[[Results], float]:
    return lambda results: results[workload][name][figure]


def _within(workload: str, figure: str, other: str, name: str = "ours") -> Callable[[Results], float]:
    return lambda results: results[workload][name][figure] / results[workload][name][other]


_STRUCTURED, _STRING, _WEBHOOKS = "batch-1000-structured", "batch-1000-string", "batch-1000-webhooks"
_FIRESTORE = "ours firestore"

_BOUNDS: tuple[tuple[str, str, float, Callable[[Results], float]], ...] = (
    ("lone publish p50 / bare echo", "<=", 1.4, _ratio("lone", "p50 ms", "ours", "bare echo")),
    ("lone publish p50 / Pub/Sub emulator", "<=", 1.0, _ratio("lone", "p50 ms", "ours", _PUBSUB)),
    (
        "publish to receive, idle, p50 / Pub/Sub emulator",
        "<=",
        1 / 6,  # a wait makes no lease: what ends it is fetched by a request of its own
        _ratio("latency-idle", "p50 ms", "ours", _PUBSUB),
    ),
    ("publish to receive, idle, p99 / p50", "<=", 4.0, _within("latency-idle", "p99 ms", "p50 ms")),
    ("batched publish, structured / Pub/Sub emulator", ">=", 2.5, _ratio(_STRUCTURED, "publish /s", "ours", _PUBSUB)),
    ("batched publish, structured / NATS", ">=", 1.0, _ratio(_STRUCTURED, "publish /s", "ours", _NATS)),
    (
        "batched publish, string, json / Pub/Sub emulator",
        ">=",
        2.0,
        _ratio(_STRING, "publish /s", "ours json", _PUBSUB),
    ),
    ("batched publish, webhooks / Pub/Sub emulator", ">=", 0.75, _ratio(_WEBHOOKS, "publish /s", "ours", _PUBSUB)),
    ("batch(), structured / a list of 1,000", ">=", 1.3, _ratio(_STRUCTURED, "publish /s", "ours batch()", "ours")),
    ("batch(), structured / NATS", ">=", 1.1, _ratio(_STRUCTURED, "publish /s", "ours batch()", _NATS)),
    ("batch(), string / Pub/Sub emulator", ">=", 2.3, _ratio(_STRING, "publish /s", "ours batch()", _PUBSUB)),
    ("batch(), webhooks / Pub/Sub emulator", ">=", 1.0, _ratio(_WEBHOOKS, "publish /s", "ours batch()", _PUBSUB)),
    ("drain, structured / Pub/Sub emulator", ">=", 2.0, _ratio(_STRUCTURED, "drain /s", "ours", _PUBSUB)),
    ("drain, string / Pub/Sub emulator", ">=", 3.0, _ratio(_STRING, "drain /s", "ours", _PUBSUB)),
    ("drain, structured / NATS", ">=", 1.0, _ratio(_STRUCTURED, "drain /s", "ours", _NATS)),
    ("fan-out to 10 / Pub/Sub emulator", ">=", 4.0, _ratio("fan-out", "deliveries /s", "ours", _PUBSUB)),
    ("fan-out to 10 / NATS", ">=", 1.0, _ratio("fan-out", "deliveries /s", "ours", _NATS)),
    ("64 connections: events a commit", ">=", 16.0, _figure("together", "events a commit, 64")),
    (
        "over Firestore's emulator: batched publish / Pub/Sub emulator",
        ">=",
        1.0,
        _ratio(_STRUCTURED, "publish /s", "ours firestore", _PUBSUB),
    ),
    (
        "over Firestore's emulator: drain / Pub/Sub emulator",
        ">=",
        1.0,
        _ratio(_STRUCTURED, "drain /s", "ours firestore", _PUBSUB),
    ),
    (
        "over Firestore's emulator: fan-out / Pub/Sub emulator",
        ">=",
        1.0,
        _ratio("fan-out", "deliveries /s", "ours firestore", _PUBSUB),
    ),
    ("Firestore: $ a million events, batches of 100", "<=", 0.021, _figure("costs", "$ a million, batches of 100")),
    ("Firestore: $ a million lone events", "<=", 1.85, _figure("costs", "$ a million, batches of 1")),
    *(
        (f"over Firestore: reads of a 20 s wait, {what}", "<=", reads, _figure("held", f"reads, {what}", _FIRESTORE))
        for what, reads in (("1 topic", 3), ("pattern, 1 log", 5), ("pattern, 20 logs", 43), ("pattern, 100 logs", 203))
    ),
    (
        "over Firestore's emulator: publish to receive after 10 s / after none, p50",
        "<=",
        1.5,
        _within("waited", "p50 ms, wait: long", "p50 ms, wait: none", _FIRESTORE),
    ),
    ("get after a wait: reads", "<=", 0, _figure("pair", "get: reads, 1 topic")),
    ("get after a wait: writes", "<=", 1, _figure("pair", "get: writes, 1 topic")),
    ("loop of gets: reads a get beyond 2", "<=", 0.01, _figure("pair", "loop: reads a get beyond 2")),
    ("start of the emulator, s", "<=", 0.3, _figure("starts", "start to ready s")),
    ("memory after 100,000 events, MB", "<=", 64.0, _figure("memory", "after 100000 MB")),
    ("cold start / bare function", "<=", 1.15, _ratio("cold", "first answer s", "ours", "bare function")),
    ("memory: MB more after all events than after 10,000", "<=", 20.0, _figure("growth", "more MB")),
    ("drain: slope of log time over log events", "<=", 1.05, _figure("growth", "slope")),
    ("100 long polls held: publish p50 / idle", "<=", 2.0, _within("waiting", "with long polls p50 ms", "idle p50 ms")),
)
