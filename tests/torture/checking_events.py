"""Each event by itself: lost, dropped, unexpected, doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torture.evidence import Evidence, Got, Handing, letters_of
from torture.promised import Promised
from torture.records import Ref

__all__ = ["Found", "of_events", "of_publishes"]

#: faults: the kind, and a line that says which
Found = list[tuple[str, str]]


def of_publishes(evidence: Evidence, promised: Promised, counts: Counter[str]) -> Found:
    """Events that were stored more than once."""
    places: dict[tuple[str, str], dict[str, int]] = {}
    for (topic, event_id), (sequence, time) in evidence.stored.items():
        places.setdefault((topic, event_id), {})[sequence] = time
    for events in evidence.got.values():
        for (topic, sequence), got in events.items():
            places.setdefault((topic, got[0].id), {})[sequence] = got[0].time
    found: Found = []
    for (topic, event_id), times in places.items():
        for (one, earlier), (other, later) in pairwise(sorted(times.items(), key=lambda item: item[1])):
            if later - earlier < promised.once_us or topic in promised.dead_letter_topics:
                found.append(("doubled", f"{event_id} is in {topic} at {one} and at {other}"))
            else:
                counts["stored again after 2F"] += 1
    return found


def of_events(subscriber: str, evidence: Evidence, handing: Handing, promised: Promised, counts: Counter[str]) -> Found:
    """What a subscriber got, and what it did not get."""
    got = evidence.got[subscriber]
    counts["delivered"] += len(got)
    counts["delivered again"] += sum(len(deliveries) - 1 for deliveries in got.values())
    found = _missing(subscriber, evidence, handing, promised, counts)
    mortal = promised.mortal.get(subscriber)
    letters = letters_of(evidence.got[mortal.undertaker]) if mortal else {}
    for ref, deliveries in got.items():
        found += _unexpected(subscriber, ref, deliveries, evidence, handing, promised)
        gone = ref in handing.left and promised.is_kept(ref[0]) and ref not in letters
        if gone and not any(evidence.said(subscriber, each.token, ref) == "ack" for each in deliveries):
            found.append(("dropped", f"{subscriber}: {deliveries[0].id} ({' '.join(ref)})"))
    return found


def _missing(subscriber: str, evidence: Evidence, handing: Handing, promised: Promised, counts: Counter[str]) -> Found:
    missing: dict[str, list[str]] = {topic: [] for topic in handing.lost}
    for (topic, event_id), (sequence, _) in evidence.stored.items():
        if (topic, sequence) not in evidence.got[subscriber] and promised.is_wanted(subscriber, topic, event_id):
            missing.setdefault(topic, []).append(f"{subscriber}: {event_id} ({topic} {sequence})")
    found: Found = []
    for topic, lines in missing.items():
        told = handing.lost.get(topic, 0)
        counts["taken by retention, and told so"] += told
        if len(lines) > (0 if promised.is_kept(topic) else told):
            found += [("lost", line) for line in lines]
        elif told and promised.is_kept(topic):
            found.append(("lost", f"{subscriber}: {told} of {topic} were counted lost"))
    return found


def _unexpected(
    subscriber: str, ref: Ref, deliveries: Sequence[Got], evidence: Evidence, handing: Handing, promised: Promised
) -> Iterator[tuple[str, str]]:
    topic, sequence = ref
    tokens = {hand_out.token for hand_out in handing.by_event.get(ref, [])}
    is_letter = topic in promised.dead_letter_topics
    for got in deliveries:
        wrong = None
        stored = evidence.stored.get((topic, got.id))
        if not is_letter and (got.id not in evidence.attempted or evidence.attempted[got.id][1] != topic):
            wrong = "was never published there"
        elif got.id in evidence.refused and stored is None:
            wrong = "was refused"
        elif not is_letter and not promised.is_wanted(subscriber, topic, got.id):
            wrong = "was not wanted"
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
