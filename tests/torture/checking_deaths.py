"""Events that failed for the last time: each has one dead letter, and nothing else has one."""

from __future__ import annotations

from collections import Counter

from torture.checking_events import Found
from torture.evidence import Evidence, Handing, letters_of
from torture.promised import Mortal

__all__ = ["of_deaths"]


def of_deaths(subscriber: str, evidence: Evidence, handing: Handing, mortal: Mortal, counts: Counter[str]) -> Found:
    """Judge the dead letters of a subscriber against what it was handed out."""
    found: Found = []
    for ref, ids in letters_of(evidence.got[mortal.undertaker]).items():
        counts["dead letters"] += 1
        name = f"{subscriber}: {' '.join(ref)}"
        hand_outs = handing.by_event.get(ref, [])
        attempts = hand_outs[-1].attempt if hand_outs else 0
        if attempts != mortal.max_attempts:
            found.append(("wrong death", f"{name} died after {attempts} attempts of {mortal.max_attempts}"))
        if ref not in handing.left:
            found.append(("wrong death", f"{name} is not gone"))
        if len(ids) > 1:
            found.append(("doubled", f"{name} has the dead letters {', '.join(sorted(ids))}"))
        if any(evidence.was_acked(subscriber, hand_out.token, ref) for hand_out in hand_outs):
            found.append(("came again", f"{name} as a dead letter, after its ack counted"))
    return found
