"""Whether every event arrived, once, whole and in order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping

from demo.messages import Arrival

__all__ = ["faults_of"]

_EXAMPLES = 3


def faults_of(subscriber: str, expected: Mapping[str, str], streams: list[list[Arrival]]) -> list[str]:
    """What is wrong with what the consumers of a subscriber got, a sentence each; none if all is right.

    Args:
        subscriber: its name
        expected: of each event that it should get, by id, the digest of the payload
        streams: what each consumer got, in the order in which it came
    """
    counts = Counter(arrival.id for stream in streams for arrival in stream)
    damaged = [it.id for stream in streams for it in stream if expected.get(it.id, it.digest) != it.digest]
    faults = [
        _sentence(expected.keys() - counts.keys(), "did not arrive"),
        _sentence(counts.keys() - expected.keys(), "arrived without being expected"),
        _sentence((id_ for id_, count in counts.items() if count > 1), "arrived more than once"),
        _sentence(damaged, "arrived with another payload than was published"),
    ]
    for stream in streams:
        faults += [
            _sentence(_out_of_time(stream), "arrived after an event that was stored later"),
            _sentence(_out_of_turn(stream), "arrived after a later one of the same publisher and topic"),
        ]
    return [f"{subscriber}: {fault}" for fault in faults if fault]


def _out_of_time(stream: list[Arrival]) -> list[str]:
    return [after.id for before, after in itertools.pairwise(stream) if after.recordedtime < before.recordedtime]


def _out_of_turn(stream: list[Arrival]) -> list[str]:
    found = []
    newest: dict[tuple[str | None, str], int] = {}
    for arrival in stream:
        log = arrival.publisher, arrival.topic
        if arrival.number < newest.get(log, -1):
            found.append(arrival.id)
        newest[log] = max(arrival.number, newest.get(log, -1))
    return found


def _sentence(ids: Iterable[str], what: str) -> str | None:
    some = sorted(set(ids))
    if not some:
        return None
    examples = ", ".join(some[:_EXAMPLES]) + (", ..." if len(some) > _EXAMPLES else "")
    return f"{len(some)} event{'s' if len(some) > 1 else ''} {what}: {examples}"
