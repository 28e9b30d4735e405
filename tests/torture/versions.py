"""What the functions did, in the order in which the store took it: from their histories, per subscriber.

A version of a subscriber's document names the attempt that wrote it. An attempt was carried out if its process was told so, or
if another one was made from its version, or if its version is there at the end. The others were not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torture.records import Changed, Done, Record

__all__ = ["BrokenChainError", "chains"]


class BrokenChainError(Exception):
    """The versions of a document do not form one line: the store took two updates of one version, or a history misses some."""


def chains(records: Iterable[Record], last: Mapping[str, str]) -> dict[str, list[tuple[Changed, int]]]:
    """Each subscriber's changes as carried out, in order, each with its store time (µs).

    Args:
        records: of all processes, in any order
        last: the attempt that wrote each subscriber's document as it is at the end

    Raises:
        BrokenChainError: they do not fit together
    """
    changes: dict[str, Changed] = {}
    times: dict[str, int] = {}
    for record in records:
        if isinstance(record, Changed):
            changes[record.writer] = record
        elif isinstance(record, Done):
            times[record.writer] = record.time
    for change in changes.values():
        if change.base:
            times.setdefault(change.base, change.base_time)
    for writer in last.values():
        if writer:
            times.setdefault(writer, 0)
    following: dict[tuple[str, str], Changed] = {}
    for writer in times:
        change = changes.get(writer)
        if change is None:
            raise BrokenChainError(f"a version names the attempt {writer}, which no history has")
        place = (change.subscriber, change.base)
        if place in following:
            raise BrokenChainError(f"two updates of one version of {change.subscriber!r}: the store took both")
        following[place] = change
    return {subscriber: _chain(subscriber, end, following, times) for subscriber, end in last.items()}


def _chain(
    subscriber: str, end: str, following: Mapping[tuple[str, str], Changed], times: Mapping[str, int]
) -> list[tuple[Changed, int]]:
    chain: list[tuple[Changed, int]] = []
    at = ""
    while (change := following.get((subscriber, at))) is not None:
        chain.append((change, times[change.writer] or (chain[-1][1] if chain else 0)))
        at = change.writer
    if at != end:
        raise BrokenChainError(f"the versions of {subscriber!r} lead to {at!r}, and the last one is {end!r}")
    return chain
