"""The promises, checked against a run's history; in the manner of Jepsen's total-queue and kafka workloads.

Pure functions: evidence in, a line for each fault out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from torture.checking_deaths import of_deaths
from torture.checking_events import of_events, of_publishes
from torture.checking_hand_outs import of_leases, of_order, of_repeats
from torture.evidence import Evidence, Handing
from torture.promised import Promised

__all__ = ["FAULTS", "Verdict", "check"]

#: what each kind of fault means
FAULTS = {
    "lost": "acknowledged, and never delivered to a subscriber (beyond what retention took from one that was told so)",
    "dropped": "delivered, but gone without an ack of anybody who got it, and no dead letter",
    "unexpected": "delivered, but never published so, or not wanted, or never handed out",
    "doubled": "published once, stored twice within 2F; or died once, with two dead letters",
    "duplicate": "delivered again while its lease ran, and nobody had given it back",
    "came again": "delivered again after it was settled, or dead though it was settled",
    "reordered": "first handed out after what was stored later; or, with `ordered`, before what is older was settled",
    "too early": "delivered before its delay was over",
    "position back": "a subscriber's position went back",
    "wrong lease": "a token made two leases, a lease is longer than its deadline, or an attempt number is wrong",
    "wrong death": "a dead letter of an event that had not failed for the last time",
    "stopped": "a subscriber with something left to deliver or to settle at the end",
}


class Verdict(NamedTuple):
    """What a check found."""

    #: a line for each fault, by its kind
    faults: Mapping[str, list[str]]
    #: how often what is no fault happened
    counts: Mapping[str, int]


def check(
    evidence: Evidence, handings: Mapping[str, Handing], promised: Promised, left_over: Mapping[str, str]
) -> Verdict:
    """Judge a run.

    Args:
        evidence: what clients did
        handings: what was handed out, by subscriber
        promised: what is to hold
        left_over: subscribers that were not done at the end, and what they had left
    """
    counts = Counter(attempted=len(evidence.attempted), acknowledged=len(evidence.stored))
    faults: dict[str, list[str]] = {kind: [] for kind in FAULTS}
    times, due_times = evidence.times(), evidence.due_times()
    found = of_publishes(evidence, promised, counts)
    for subscriber, handing in handings.items():
        ordered = {topic for of, topic in promised.ordered if of == subscriber}
        found += of_events(subscriber, evidence, handing, promised, counts)
        found += of_repeats(subscriber, evidence, handing, ordered, counts)
        found += of_order(subscriber, times, due_times, handing, ordered)
        found += of_leases(subscriber, handing, promised.deadline_us)
        if subscriber in promised.mortal:
            found += of_deaths(subscriber, evidence, handing, promised.mortal[subscriber], counts)
    found += [("stopped", f"{subscriber}: {left}") for subscriber, left in left_over.items()]
    for kind, line in found:
        faults[kind].append(line)
    return Verdict(faults, counts)
