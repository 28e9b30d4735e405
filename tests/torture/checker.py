"""The promises, checked against a run's history; in the manner of Jepsen's total-queue and kafka workloads.

Pure functions: evidence in, a line for each fault out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from torture.evidence import Evidence, Got, Handing, HandOut
from torture.records import Ref

__all__ = ["FAULTS", "Verdict", "check"]

#: what each kind of fault means
FAULTS = {
    "lost": "acknowledged, and never delivered to a subscriber (beyond what retention took from one that was told so)",
    "dropped": "delivered, but gone without an ack of anybody who got it",
    "unexpected": "delivered, but never published so, or never handed out",
    "doubled": "published once, stored twice within 2F",
    "duplicate": "delivered again while its lease ran, and nobody had given it back",
    "came again": "delivered again after it was settled",
    "reordered": "first handed out after an event that was stored later",
    "position back": "a subscriber's position went back",
    "wrong lease": "a token made two leases, a lease is longer than its deadline, or an attempt number is wrong",
    "stopped": "a subscriber with something left to deliver or to settle at the end",
}


class Promised(NamedTuple):
    """What a run asks for."""

    #: the topics of each subscriber
    topics: Mapping[str, Sequence[str]]
    #: topics whose retention outlasts every lag
    kept: frozenset[str]
    #: within so long an event published again is stored once, µs
    once_us: int
    #: the ack deadline of all subscriptions, µs
    deadline_us: int


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
    counts: Counter[str] = Counter()
    faults: dict[str, list[str]] = {kind: [] for kind in FAULTS}
    found = _of_publishes(evidence, promised, counts)
    for subscriber, handing in handings.items():
        found += _of_events(subscriber, evidence, handing, promised, counts)
        found += _of_repeats(subscriber, evidence, handing, counts)
        found += _of_order(subscriber, evidence.times(), handing)
        found += _of_leases(subscriber, handing, promised.deadline_us)
    found += [("stopped", f"{subscriber}: {left}") for subscriber, left in left_over.items()]
    for kind, line in found:
        faults[kind].append(line)
    counts["attempted"] = len(evidence.attempted)
    counts["acknowledged"] = len(evidence.stored)
    return Verdict(faults, counts)


_Found = list[tuple[str, str]]


def _of_publishes(evidence: Evidence, promised: Promised, counts: Counter[str]) -> _Found:
    """Events that were stored more than once."""
    places: dict[tuple[str, str], dict[str, int]] = {}
    for (topic, event_id), (sequence, time) in evidence.stored.items():
        places.setdefault((topic, event_id), {})[sequence] = time
    for events in evidence.got.values():
        for (topic, sequence), got in events.items():
            places.setdefault((topic, got[0].id), {})[sequence] = got[0].time
    found: _Found = []
    for (topic, event_id), times in places.items():
        for (one, earlier), (other, later) in pairwise(sorted(times.items(), key=lambda item: item[1])):
            if later - earlier < promised.once_us:
                found.append(("doubled", f"{event_id} is in {topic} at {one} and at {other}"))
            else:
                counts["stored again after 2F"] += 1
    return found


def _of_events(
    subscriber: str, evidence: Evidence, handing: Handing, promised: Promised, counts: Counter[str]
) -> _Found:
    """Each event by itself: lost, dropped, unexpected."""
    found: _Found = []
    got = evidence.got[subscriber]
    counts["delivered"] += len(got)
    counts["delivered again"] += sum(len(deliveries) - 1 for deliveries in got.values())
    for topic in promised.topics[subscriber]:
        missing = [
            (event_id, sequence)
            for (of_topic, event_id), (sequence, _) in evidence.stored.items()
            if of_topic == topic and (topic, sequence) not in got
        ]
        lost = handing.lost.get(topic, 0)
        counts["taken by retention, and told so"] += lost
        if len(missing) > (0 if topic in promised.kept else lost):
            lines = [f"{subscriber}: {event_id} ({topic} {sequence})" for event_id, sequence in missing]
            found += [("lost", line) for line in lines]
        elif lost and topic in promised.kept:
            found.append(("lost", f"{subscriber}: {lost} of {topic} were counted lost"))
    for ref, deliveries in got.items():
        found += _unexpected(subscriber, ref, deliveries, evidence, handing)
        gone = ref in handing.left and ref[0] in promised.kept
        if gone and not any(evidence.said(subscriber, each.token, ref) == "ack" for each in deliveries):
            found.append(("dropped", f"{subscriber}: {deliveries[0].id} ({' '.join(ref)})"))
    return found


def _unexpected(
    subscriber: str, ref: Ref, deliveries: Sequence[Got], evidence: Evidence, handing: Handing
) -> Iterator[tuple[str, str]]:
    topic, sequence = ref
    tokens = {hand_out.token for hand_out in handing.by_event.get(ref, [])}
    for got in deliveries:
        wrong = None
        stored = evidence.stored.get((topic, got.id))
        if got.id not in evidence.attempted or evidence.attempted[got.id][1] != topic:
            wrong = "was never published there"
        elif got.id in evidence.refused and stored is None:
            wrong = "was refused"
        elif not got.whole:
            wrong = "came with other data"
        elif got.id != deliveries[0].id or got.time != deliveries[0].time:
            wrong = f"came as {deliveries[0].id} before, or with another time"
        elif stored is not None and stored[0] == sequence and stored[1] != got.time:
            wrong = "came with another time than its publisher was told"
        elif got.token not in tokens:
            wrong = f"was never handed out under {got.token}"
        if wrong:
            yield "unexpected", f"{subscriber}: {got.id} ({topic} {sequence}) {wrong}"


def _of_repeats(subscriber: str, evidence: Evidence, handing: Handing, counts: Counter[str]) -> _Found:
    """Events that were handed out again: each time there must be a reason."""
    found: _Found = []
    for ref, hand_outs in handing.by_event.items():
        received = {got.token for got in evidence.got[subscriber].get(ref, [])}
        name = f"{subscriber}: {' '.join(ref)}"
        if hand_outs[0].attempt != 1:
            found.append(("wrong lease", f"{name} was handed out first as attempt {hand_outs[0].attempt}"))
        for one, other in pairwise(hand_outs):
            said = evidence.said(subscriber, one.token, ref)
            why = _reason(one, other, handing, said, received=one.token in received)
            if one.place <= handing.left.get(ref, other.place) < other.place:
                found.append(("came again", f"{name} under {other.token}, after it was settled"))
            elif evidence.was_acked(subscriber, one.token, ref):
                found.append(("came again", f"{name} under {other.token}, after its ack under {one.token} counted"))
            elif why is None:
                left_s = (handing.until(one, other.place) - other.time) / 1_000_000
                found.append(("duplicate", f"{name} under {other.token}, {left_s:.1f} s before {one.token} was over"))
            else:
                counts[f"handed out again: {why}"] += 1
            if not one.attempt <= other.attempt <= one.attempt + 1:
                found.append(("wrong lease", f"{name}: attempt {other.attempt} follows {one.attempt}"))
    for ref, deliveries in evidence.got[subscriber].items():
        if len({got.token for got in deliveries}) < len(deliveries):
            found.append(("duplicate", f"{subscriber}: {' '.join(ref)} twice under one token"))
    return found


def _reason(one: HandOut, other: HandOut, handing: Handing, said: str | None, *, received: bool) -> str | None:
    """Why an event was rightly handed out again."""
    if other.time >= handing.until(one, other.place):
        return "its lease was over"
    if said in {"nack", "release"}:
        return f"{said}ed" if said == "nack" else "released"
    if not received:
        return "its answer never arrived"  # and its client gave it back
    return None


def _of_order(subscriber: str, times: Mapping[Ref, int], handing: Handing) -> _Found:
    """First deliveries come in commit-time order, by what was handed out first; and positions only move on."""
    found: _Found = []
    last: tuple[int, str, str] = (0, "", "")
    for ref in handing.by_event:
        if ref not in times:
            continue  # no client ever learned of it
        here = (times[ref], *ref)
        if here < last:
            found.append(("reordered", f"{subscriber}: {' '.join(ref)} after {' '.join(last[1:])}"))
        last = max(last, here)
    reached: dict[str, list[int]] = {}
    for moved in handing.positions:
        for topic, indexes in moved.items():
            before = reached.get(topic, [])
            if any(now < then for then, now in zip(before, indexes, strict=False)):
                found.append(("position back", f"{subscriber}: in {topic} from {before} to {indexes}"))
            reached[topic] = indexes
    return found


def _of_leases(subscriber: str, handing: Handing, deadline_us: int) -> _Found:
    found: _Found = [
        ("wrong lease", f"{subscriber}: {token} made {times} leases")
        for token, times in Counter(handing.tokens).items()
        if times > 1
    ]
    for hand_out in {h for hand_outs in handing.by_event.values() for h in hand_outs}:
        over_us = hand_out.until - hand_out.time - deadline_us
        if over_us > 0:
            found.append(("wrong lease", f"{subscriber}: {hand_out.token} is {over_us / 1e6:.1f} s too long"))
    return found
