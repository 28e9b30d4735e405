"""Where a subscription begins in the logs of a topic: at the earliest event kept, at a time, at an index, or at the end.

Batches are dense between the trim point and the tail, and their create times and indexes rise with their numbers: so a place
is found by halving, one point read a step, for all partitions of a topic together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pubsubservice.core.problems import BadRequest
from pubsubservice.log.position import Position
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.format import check_format
from pubsubservice.storage.paths import batch_path, batches, log_path, seq_of
from pubsubservice.storage.port import Doc, Store

__all__ = ["EARLIEST", "LATEST", "TRIMMED", "Seeker", "StartPosition"]

EARLIEST = "earliest"
LATEST = "latest"

#: `EARLIEST`, `LATEST`, a store time (µs), or a saved position: the next log index of each partition
StartPosition = str | int | tuple[int, ...]

#: no batch has this number
TRIMMED = 0

_FIELDS = ("format", "first", "count")


class _Search:
    """The first batch of a log that is not before some place; it is in (low, high], and `found` is number `high`."""

    def __init__(self, partition: int, low: int, tail: Doc) -> None:
        self.partition = partition
        self.low = low
        self.high = seq_of(tail.path)
        self.found = tail

    @property
    def open(self) -> bool:
        return self.high - self.low > 1

    @property
    def middle(self) -> int:
        return (self.low + self.high) // 2

    def judge(self, doc: Doc | None, before: Callable[[int, Doc], bool]) -> None:
        """Take the batch in the middle; a missing one was trimmed away just now, so it is before."""
        if doc is None or before(self.partition, doc):
            self.low = self.middle
        else:
            self.high, self.found = self.middle, doc


class Seeker:
    """Finds places in the logs of topics; raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def positions(self, topic: str, partitions: int, place: StartPosition) -> list[Position]:
        """The position of each partition; raises BadRequest (`invalid_position`) for one that the topic never had."""
        if place in {EARLIEST, ()}:  # the position in a topic that did not exist yet
            return self.earliest(topic, partitions)
        if place == LATEST:
            return [self.end(topic, partition) for partition in range(partitions)]
        if isinstance(place, int):
            return self.at_time(topic, partitions, place)
        return self._at_indexes(topic, partitions, [int(index) for index in place])

    def earliest(self, topic: str, partitions: int) -> list[Position]:
        """Behind what retention has taken."""
        return [Position(point.seq + 1, 0, point.next_index) for point in self._trims(topic, range(partitions))]

    def first_kept(self, topic: str, partition: int) -> int:
        """The number of the first batch that retention has not taken, whether it is there yet or not."""
        return self._trims(topic, [partition])[0].seq + 1

    def end(self, topic: str, partition: int) -> Position:
        """Behind the newest event: one read."""
        newest, time = self._tail(topic, partition)
        return Position(1, 0, 0, time) if newest is None else _behind(newest, time)

    def at_time(self, topic: str, partitions: int, time_us: int) -> list[Position]:
        """The first batch that was committed at this time or later; the end if there is none yet."""
        positions: list[Position] = []
        searched = []
        for partition in range(partitions):
            newest, time = self._tail(topic, partition)
            positions.append(Position(1, 0, 0, time) if newest is None else _behind(newest, time))
            if newest is not None and newest.created >= time_us:
                searched.append((partition, newest))
        for search in self._search(topic, searched, lambda _, doc: doc.created < time_us):
            positions[search.partition] = Position(search.high, 0, _first(search.found))
        return positions

    def batch_of(self, topic: str, partition: int, index: int) -> int | None:
        """The number of the batch that has a log's event, `TRIMMED` if retention took it, None if it is not there yet."""
        newest, time = self._tail(topic, partition)
        if newest is None or index >= _behind(newest, time).index:
            return None
        if index >= _first(newest):
            return seq_of(newest.path)
        (search,) = self._search(topic, [(partition, newest)], lambda _, doc: _behind(doc, 0).index <= index)
        return search.high if index >= _first(search.found) else TRIMMED

    def _at_indexes(self, topic: str, partitions: int, indexes: Sequence[int]) -> list[Position]:
        if len(indexes) != partitions:
            raise BadRequest(
                "invalid_position",
                f"A position in {topic!r} has one sequence for each of its {partitions} partitions; got {len(indexes)}.",
            )
        positions: list[Position] = []
        searched = []
        for partition, index in enumerate(indexes):
            newest, time = self._tail(topic, partition)
            end = Position(1, 0, 0, time) if newest is None else _behind(newest, time)
            if index > end.index:
                raise BadRequest(
                    "invalid_position",
                    f"The position {sequence_prefix(partition)}{index:020d} was never reached in {topic!r}: the next event "
                    f"there is {sequence_prefix(partition)}{end.index:020d}. It may be a position in another topic.",
                )
            positions.append(end)
            if newest is not None and index < end.index:
                searched.append((partition, newest))
        for search in self._search(topic, searched, lambda p, doc: _behind(doc, 0).index <= indexes[p]):
            first = _first(search.found)
            index = indexes[search.partition]
            if index >= first:
                positions[search.partition] = Position(search.high, index - first, index)
            else:  # retention took it: whoever reads on from here counts what is lost, and goes on behind it
                positions[search.partition] = Position(max(1, search.low), 0, index)
        return positions

    def _search(
        self, topic: str, tails: Sequence[tuple[int, Doc]], before: Callable[[int, Doc], bool]
    ) -> list[_Search]:
        """In each log the first batch that is not before the place; the newest one is known not to be."""
        points = self._trims(topic, [partition for partition, _ in tails])
        searches = [_Search(partition, point.seq, tail) for (partition, tail), point in zip(tails, points, strict=True)]
        while undecided := [search for search in searches if search.open]:
            paths = [batch_path(topic, search.partition, search.middle) for search in undecided]
            for search, doc in zip(undecided, self._store.get_many(paths, fields=_FIELDS).docs, strict=True):
                search.judge(doc, before)
        return searches

    def _tail(self, topic: str, partition: int) -> tuple[Doc | None, int]:
        """The newest batch, and when it was the newest, µs."""
        page = self._store.list(batches(topic, partition), limit=1, fields=_FIELDS)
        return (page.docs[0] if page.docs else None), page.time

    def _trims(self, topic: str, partitions: Sequence[int]) -> list[TrimPoint]:
        if not partitions:
            return []
        logs = self._store.get_many([log_path(topic, partition) for partition in partitions])
        return [TrimPoint.read(doc) for doc in logs.docs]


def _first(batch: Doc) -> int:
    check_format(batch)
    return int(batch.data["first"] or 0)


def _behind(batch: Doc, time: int) -> Position:
    """The position after a batch that was known to be there at `time`."""
    return Position(seq_of(batch.path) + 1, 0, _first(batch) + int(batch.data["count"] or 0), time)
