"""What the functions handed out: again only for a reason, first in order, under leases that follow their rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import accumulate, pairwise

from torture.checking_events import Found
from torture.evidence import Evidence, Handing, HandOut
from torture.records import Ref

__all__ = ["of_leases", "of_order", "of_repeats"]

#: after every change
_NEVER = 1 << 62


def of_repeats(subscriber: str, evidence: Evidence, handing: Handing, ordered: Set[str], counts: Counter[str]) -> Found:
    """Events that were handed out again: each time there must be a reason."""
    found: Found = []
    for ref, hand_outs in handing.by_event.items():
        received = {got.token for got in evidence.got[subscriber].get(ref, [])}
        name = f"{subscriber}: {' '.join(ref)}"
        if hand_outs[0].attempt != 1:
            found.append(("wrong lease", f"{name} was handed out first as attempt {hand_outs[0].attempt}"))
        for one, other in pairwise(hand_outs):
            why = _reason(subscriber, ref, one, other, evidence, handing, received=one.token in received)
            if why is None and ref[0] in ordered and evidence.gave_back_older(subscriber, one.token, ref):
                why = "an older one was given back"
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


def _reason(
    subscriber: str, ref: Ref, one: HandOut, other: HandOut, evidence: Evidence, handing: Handing, *, received: bool
) -> str | None:
    """Why an event was rightly handed out again."""
    if other.time >= handing.until(one, other.place):
        return "its lease was over"
    said = evidence.said(subscriber, one.token, ref)
    if said in {"nack", "release"}:
        return "nacked" if said == "nack" else "released"
    if not received:
        return "its answer never arrived"  # and its client gave it back
    return None


def of_order(
    subscriber: str, times: Mapping[Ref, int], due_times: Mapping[Ref, int], handing: Handing, ordered: Set[str]
) -> Found:
    """First deliveries come in commit-time order, by what was handed out first; and positions only move on.

    Delayed events come when they are due, or later, and are no part of the order.
    """
    found: Found = []
    last: tuple[int, str, str] = (0, "", "")
    for ref in handing.by_event:
        if ref in due_times:
            early_s = (due_times[ref] - handing.by_event[ref][0].time) / 1_000_000
            if early_s > 0:
                found.append(("too early", f"{subscriber}: {' '.join(ref)} by {early_s:.1f} s"))
            continue
        if ref not in times:
            continue  # no client ever learned of it
        here = (times[ref], *ref)
        if here < last:
            found.append(("reordered", f"{subscriber}: {' '.join(ref)} after {' '.join(last[1:])}"))
        last = max(last, here)
    for topic in ordered:
        found += _overtaking(
            subscriber, sorted(ref for ref in handing.by_event if ref[0] == topic and ref not in due_times), handing
        )
    reached: dict[str, list[int]] = {}
    for moved in handing.positions:
        for topic, indexes in moved.items():
            before = reached.get(topic, [])
            if any(now < then for then, now in zip(before, indexes, strict=False)):
                found.append(("position back", f"{subscriber}: in {topic} from {before} to {indexes}"))
            reached[topic] = indexes
    return found


def _overtaking(subscriber: str, refs: Sequence[Ref], handing: Handing) -> Found:
    """Hand-outs of an ordered topic's events, given in order, while something older, not of the same lease, was unsettled."""
    settled = [handing.left.get(ref, _NEVER) for ref in refs]
    all_before = [-1, *accumulate(settled, max)]
    leases: dict[tuple[int, str], list[int]] = {}
    for i, ref in enumerate(refs):
        for hand_out in handing.by_event[ref]:
            leases.setdefault((hand_out.place, hand_out.token), []).append(i)
    found: Found = []
    for (place, token), members in leases.items():
        between = [max(settled[one + 1 : other], default=-1) for one, other in pairwise(members)]
        if max(all_before[members[0]], *between, -1) > place:
            ref = refs[members[0]]
            found.append(
                ("reordered", f"{subscriber}: {' '.join(ref)} under {token} while something older was unsettled")
            )
    return found


def of_leases(subscriber: str, handing: Handing, deadline_us: int) -> Found:
    """One lease a token, none longer than its deadline."""
    found: Found = [
        ("wrong lease", f"{subscriber}: {token} made {times} leases")
        for token, times in Counter(handing.tokens).items()
        if times > 1
    ]
    for hand_out in {h for hand_outs in handing.by_event.values() for h in hand_outs}:
        over_us = hand_out.until - hand_out.time - deadline_us
        if over_us > 0:
            found.append(("wrong lease", f"{subscriber}: {hand_out.token} is {over_us / 1e6:.1f} s too long"))
    return found
