"""Selects the due events that go out now, and their order.

The events that have been due longest go first. All events of a lease have the same attempt. Events that failed as a group
are redelivered in ever smaller leases, and one by one on their last attempt, so that a poison event does not take others
with it. Events of an ordered topic go out in its order, from the oldest on; none goes out while an older one waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby, pairwise
from typing import NamedTuple

from pubsubservice.delivery.look_ups import MAX_READS
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES, Slice, fitting, lines_of
from pubsubservice.log.batch import Batch
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases
from pubsubservice.subscribers.records import Due
from pubsubservice.subscribers.spans import Piece, first_of, mask_of_numbers, mask_of_pieces, pieces, positions, select
from pubsubservice.subscribers.state import State

__all__ = ["Redelivery", "count_lost", "read_again"]

#: later than any commit, µs
_NEVER = 1 << 62


class _Candidate(NamedTuple):
    """Events of one due entry that may go out, in order."""

    due: Due
    parts: Sequence[Piece]


class Redelivery:
    """Moves due events of a state into one new lease."""

    def __init__(self, reader: Reader, leases: Leases, dead_lettering: DeadLettering) -> None:
        self._reader = reader
        self._leases = leases
        self._dead_lettering = dead_lettering
        self._state = leases.state
        self.slices: list[Slice] = []
        self.attempt = 0
        self.failed_as_group = False
        #: numbers of the ordered subscriptions
        self.ordered = {s.number for s in self._state.subscriptions.values() if self._state.settings_of(s).ordered}
        #: numbers of the ordered subscriptions with events in an open lease: none of their other events may go out
        self.leased = self._leased() if self.ordered else set()

    def take(self, max_events: int) -> None:
        """Move at most `max_events` due events into `slices`, and count those as lost that retention deleted."""
        room, reads = MAX_RESPONSE_BYTES, MAX_READS
        for due, parts in chain(self._in_topic_order(), self._unordered()):
            if due.failed_as_group:
                max_events = min(max_events, self.limit(due, parts))
            taken = sum(len(slice_.lines) for slice_ in self.slices)
            chosen = first_of(parts, max_events - taken, reads)
            if not chosen:
                break
            reads -= len(chosen)
            found, lost = read_again(self._reader, self._state, chosen, room)
            self._take(due, found)
            self._lose(due, lost)
            self.slices += found
            room -= sum(slice_.bytes for slice_ in found)
            if found:
                self.attempt, self.failed_as_group = due.attempt, due.failed_as_group
            if sum(slice_.picked.bit_count() for slice_ in found) < _count(parts) - _count(lost):
                break  # the lease is full
        self._state.drop_empty()

    def waiting(self) -> set[int]:
        """Return the numbers of ordered subscriptions with events due now or later: none of their newer events may go out."""
        waiting: set[int] = set()
        if self.ordered:
            for due in self._state.due:
                if not due.waits(self._leases.now):
                    left = pieces(due.spans, due.left & ~self._dead_lettering.exhausted(due))
                    waiting |= {piece.span.number for piece in left}
        return waiting & self.ordered

    def limit(self, due: Due, parts: Sequence[Piece]) -> int:
        """Return how many events that failed as a group may share a lease; 1 on their last attempt."""
        last = min(self._dead_lettering.max_attempts[piece.span.number] for piece in parts)
        return 1 if due.attempt >= last else max(1, self._leases.bounds.failed_as_group // 10 ** (due.attempt - 1))

    def _take(self, due: Due, found: Sequence[Slice]) -> None:
        """Remove events from a due entry that go into the lease."""
        if found:
            self._leases.remove_due(due, mask_of_pieces(due.spans, [slice_.piece for slice_ in found]))

    def _lose(self, due: Due, lost: Sequence[Piece]) -> None:
        """Remove events from a due entry that retention deleted, and count them as lost."""
        if lost:
            self._leases.remove_due(due, mask_of_pieces(due.spans, lost))
            count_lost(self._state, lost)

    def _leased(self) -> set[int]:
        leases = self._state.leases.values()
        return {piece.span.number for lease in leases for piece in pieces(lease.spans, lease.left)} & self.ordered

    def _ready(self, due: Due) -> bool:
        return due.at <= self._leases.now

    def _fits(self, due: Due) -> bool:
        """Whether an entry's events may share a lease with the events selected so far."""
        return not self.slices or (due.attempt, due.failed_as_group) == (self.attempt, self.failed_as_group)

    def _unordered(self) -> Iterable[_Candidate]:
        """Yield the due events of unordered topics, the longest due first."""
        for due in sorted(filter(self._ready, self._state.due), key=lambda due: due.at):
            if self._fits(due):
                mask = due.left & ~self._dead_lettering.exhausted(due)
                if mask and self.ordered:
                    mask &= ~mask_of_numbers(due.spans, self.ordered)
                if mask:
                    yield _Candidate(due, pieces(due.spans, mask))

    def _in_topic_order(self) -> Iterable[_Candidate]:
        """Yield the due events of ordered topics, each topic's in its order and up to the first event that still waits."""
        free = self.ordered - self.leased
        parts: dict[int, list[tuple[Due, Piece]]] = {}
        for due in self._state.due if free else ():
            if not due.waits(self._leases.now):
                for piece in pieces(due.spans, due.left & ~self._dead_lettering.exhausted(due)):
                    parts.setdefault(piece.span.number, []).append((due, piece))
        for number in sorted(free & parts.keys()):
            if any(self._ready(due) for due, _ in parts[number]):
                for _, run in groupby(
                    self._sorted_by_time(_without_overlaps(parts[number])), key=lambda part: id(part[0])
                ):
                    same_entry = [*run]
                    due = same_entry[0][0]
                    if not self._ready(due) or not self._fits(due):
                        break
                    yield _Candidate(due, [piece for _, piece in same_entry])

    def _sorted_by_time(self, parts: list[tuple[Due, Piece]]) -> list[tuple[Due, Piece]]:
        """Sort the events of one topic by when they became visible: at their commit, or at the end of their delay.

        The reads are bounded: of many events only the oldest are returned.
        """
        topic = self._state.topic_of()[parts[0][1].span.number]
        logs: dict[int, list[tuple[Due, Piece]]] = {}
        for part in sorted(parts, key=lambda part: part[1].span[1:4]):
            logs.setdefault(part[1].span.partition, []).append(part)
        share = max(1, MAX_READS // len(logs))
        read = [part for log in logs.values() for part in log[:share]]
        batches = self._reader.fetch(dict.fromkeys((topic, *piece.span[1:3]) for _, piece in read))
        timed: list[tuple[int, Piece, Due]] = []
        newest: dict[int, int] = {}
        for due, piece in read:
            batch = batches.get((topic, *piece.span[1:3]))
            if batch is None:
                # A trimmed batch comes first, so that it is counted as lost and blocks no others; but behind older ones that
                # this process has cached: another read may find the trimmed one.
                timed.append((newest.get(piece.span.partition, 0), piece, due))
            else:
                newest[piece.span.partition] = batch.created
                timed += [(visible_us, part, due) for visible_us, part in _by_visible_time(batch, piece)]
        timed.sort(key=lambda entry: (entry[0], entry[1].span[1:4]))
        bound = _NEVER
        for log in logs.values():
            if len(log) > share:  # the batches that were not read were committed after those that were
                last = batches.get((topic, *log[share - 1][1].span[1:3]))
                bound = min(bound, 0 if last is None else last.created)
        known = [entry for entry in timed if entry[0] <= bound] or timed[:1]
        return [(due, piece) for _, piece, due in known]


def _without_overlaps(parts: list[tuple[Due, Piece]]) -> list[tuple[Due, Piece]]:
    """Split overlapping pieces into gap-free runs, so that they can be merged in log order."""
    ranges = sorted(piece.span[1:5] for _, piece in parts)
    if all(first[:2] != second[:2] or first[3] <= second[2] for first, second in pairwise(ranges)):
        return parts
    return [
        (due, Piece(span, (1 << (span.stop - span.start)) - 1))
        for due, piece in parts
        for span in select([piece.span], piece.mask)
    ]


def _by_visible_time(batch: Batch, piece: Piece) -> Iterable[tuple[int, Piece]]:
    """Yield the events of a piece, grouped by the time when they became visible, µs."""
    rest = piece.mask
    while rest:
        visible_us, run = batch.due_at(piece.span.start + next(positions(rest)))
        alike = rest & (run >> piece.span.start)
        yield visible_us, pieces([piece.span], alike)[0]
        rest &= ~alike


def read_again(
    reader: Reader, state: State, parts: Sequence[Piece], room: int | None = None
) -> tuple[list[Slice], list[Piece]]:
    """Read events that were handed out before; return their slices, and the events that retention deleted.

    Args:
        room: bytes after which to stop, though the first event is always read; None for no limit
    """
    topics = state.topic_of()
    locations = [(topics[span.number], span.partition, span.seq) for span, _ in parts]
    batches = reader.fetch(dict.fromkeys(locations))
    slices: list[Slice] = []
    lost: list[Piece] = []
    for (span, mask), location in zip(parts, locations, strict=True):
        batch = batches.get(location)
        if batch is None:
            lost.append(Piece(span, mask))
            continue
        lines = batch.lines()[span.start : span.stop]
        kept = mask
        if room is not None:
            kept = fitting(lines, mask, room, at_least_one=not slices)
        if kept:
            part = span._replace(stop=span.start + kept.bit_length())
            slices.append(Slice(location[0], part, kept, batch, lines_of(lines, kept)))
            room = None if room is None else room - slices[-1].bytes
        if kept != mask:
            break
    return slices, lost


def count_lost(state: State, lost: Iterable[Piece]) -> None:
    """Count these events as lost to retention."""
    topics = state.topic_of()
    for piece in lost:
        state.count_lost(topics[piece.span.number], piece.size)


def _count(parts: Iterable[Piece]) -> int:
    return sum(piece.size for piece in parts)
