"""Finds start positions in the logs of a topic: the earliest kept event, a store time, a log index, or the end.

Batch numbers have no gaps between the trim point and the tail, and create times and log indexes rise with them. So a position
is found by binary search. Each step reads one batch of every partition, in one call for all partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pubsubservice.core.problems import BadRequest
from pubsubservice.log.position import Position
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.format import check_format
from pubsubservice.storage.paths import batch_id, batch_path, batches, log_path, seq_of
from pubsubservice.storage.port import Doc, Store

__all__ = ["EARLIEST", "LATEST", "TRIMMED", "Extent", "Seeker", "StartPosition"]

EARLIEST = "earliest"
LATEST = "latest"

#: `EARLIEST`, `LATEST`, a store time (µs), or a saved position: the next log index of each partition
StartPosition = str | int | tuple[int, ...]

#: result of `Seeker.batch_of` for an event that retention has deleted; no batch has this number
TRIMMED = 0

#: batches that `Seeker.newest` reads at once
_PAGE = 50

_FIELDS = ("format", "first", "count")


class Extent(NamedTuple):
    """Where a log begins and ends."""

    #: log index of the first event that is kept
    first_index: int
    #: log index of the next event
    next_index: int
    #: commit time of the newest event, µs; None for a log without events
    newest: int | None


class _Search:
    """Binary search for the first batch of a log that is not before the start position.

    The batch has a number in (low, high]; `found` is the document of batch `high`.
    """

    def __init__(self, partition: int, low: int, tail: Doc) -> None:
        self.partition = partition
        self.low = low
        self.high = seq_of(tail.path)
        self.found = tail

    @property
    def is_open(self) -> bool:
        return self.high - self.low > 1

    @property
    def middle(self) -> int:
        return (self.low + self.high) // 2

    def narrow(self, doc: Doc | None, before: Callable[[int, Doc], bool]) -> None:
        """Halve the range by the batch in its middle. A missing batch was trimmed just now, so it is before the start."""
        if doc is None or before(self.partition, doc):
            self.low = self.middle
        else:
            self.high, self.found = self.middle, doc


class Seeker:
    """Finds positions in the logs of topics. Raises Unavailable (newer format), StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def positions(self, topic: str, partitions: int, start: StartPosition) -> list[Position]:
        """Return the position in each partition.

        Raises BadRequest (`invalid_position`) for a saved position that the topic has never reached.
        """
        if start in {EARLIEST, ()}:  # (): saved before the topic existed
            return self.earliest(topic, partitions)
        if start == LATEST:
            return [self.end(topic, partition) for partition in range(partitions)]
        if isinstance(start, int):
            return self.at_time(topic, partitions, start)
        return self._at_indexes(topic, partitions, [int(index) for index in start])

    def earliest(self, topic: str, partitions: int) -> list[Position]:
        """Return the position behind the trim point of each partition."""
        return [Position(point.seq + 1, 0, point.next_index) for point in self._trims(topic, range(partitions))]

    def first_kept(self, topic: str, partition: int) -> int:
        """Return the number of the first batch that retention has not deleted; the batch may not exist yet."""
        return self._trims(topic, [partition])[0].seq + 1

    def end(self, topic: str, partition: int) -> Position:
        """Return the position behind the newest event of a log. One read."""
        newest, time = self._tail(topic, partition)
        return Position(1, 0, 0, time) if newest is None else _position_after(newest, time)

    def extents(self, topic: str, partitions: int) -> list[Extent]:
        """Return where the log of each partition begins and ends. Two reads per partition."""
        extents: list[Extent] = []
        for partition, point in enumerate(self._trims(topic, range(partitions))):
            newest, time = self._tail(topic, partition)
            end = 0 if newest is None else _position_after(newest, time).index
            extents.append(Extent(point.next_index, end, None if newest is None else newest.created))
        return extents

    def at_time(self, topic: str, partitions: int, time_us: int) -> list[Position]:
        """Return the first batch of each partition that was committed at this time or later; the end if none was."""
        positions: list[Position] = []
        tails = []
        for partition in range(partitions):
            newest, time = self._tail(topic, partition)
            positions.append(Position(1, 0, 0, time) if newest is None else _position_after(newest, time))
            if newest is not None and newest.created >= time_us:
                tails.append((partition, newest))
        for search in self._search(topic, tails, lambda _, doc: doc.created < time_us):
            positions[search.partition] = Position(search.high, 0, _first_index(search.found))
        return positions

    def newest(self, topics: Mapping[str, int], events: int) -> dict[str, list[Position]]:
        """Return the positions from which on all logs together have the newest events, in commit-time order.

        Costs one read per log, and one per batch with events to count. No batch is counted twice.

        Args:
            topics: {topic: partitions}
            events: how many of the newest events the positions are to include
        """
        positions: dict[str, list[Position]] = {}
        #: the newest events of all logs: (commit time, topic, partition, log index, batch, offset in the batch)
        found: list[tuple[int, str, int, int, int, int]] = []
        for topic, partitions in topics.items():
            for partition in range(partitions):
                page = self._store.list(batches(topic, partition), limit=1, fields=_FIELDS)
                newest = page.docs[0] if page.docs else None
                positions.setdefault(topic, []).append(
                    Position(1, 0, 0, page.time) if newest is None else _position_after(newest, page.time)
                )
                for batch in self._newest_batches(topic, partition, newest, events):
                    first, seq = _first_index(batch), seq_of(batch.path)
                    found += [
                        (batch.created, topic, partition, first + offset, seq, offset)
                        for offset in range(int(batch.data["count"] or 0))
                    ]
                found = sorted(found)[-events:]
        for _, topic, partition, index, seq, offset in reversed(found):
            positions[topic][partition] = Position(seq, offset, index)
        return positions

    def _newest_batches(self, topic: str, partition: int, newest: Doc | None, events: int) -> Iterator[Doc]:
        """Yield batches of a log from its newest one back, until they have this many events."""
        if newest is None:
            return
        trimmed = self._trims(topic, [partition])[0].seq
        docs, width = [newest], 1
        while True:
            for doc in docs:
                if seq_of(doc.path) <= trimmed:
                    return
                yield doc
                events -= int(doc.data["count"] or 0)
                if events <= 0:
                    return
            if len(docs) < width:
                return
            width = min(2 * width, events, _PAGE)  # a batch has one event or more
            docs = self._store.list(
                batches(topic, partition), after=batch_id(seq_of(docs[-1].path)), limit=width, fields=_FIELDS
            ).docs

    def batch_of(self, topic: str, partition: int, index: int) -> int | None:
        """Return the number of the batch that holds the event with this log index.

        `TRIMMED` if retention has deleted the event, None if the log has not reached the index.
        """
        newest, time = self._tail(topic, partition)
        if newest is None or index >= _position_after(newest, time).index:
            return None
        if index >= _first_index(newest):
            return seq_of(newest.path)
        (search,) = self._search(topic, [(partition, newest)], lambda _, doc: _position_after(doc, 0).index <= index)
        return search.high if index >= _first_index(search.found) else TRIMMED

    def _at_indexes(self, topic: str, partitions: int, indexes: Sequence[int]) -> list[Position]:
        if len(indexes) != partitions:
            raise BadRequest(
                "invalid_position",
                f"A position in {topic!r} has one sequence for each of its {partitions} partitions; got {len(indexes)}.",
            )
        positions: list[Position] = []
        tails = []
        for partition, index in enumerate(indexes):
            newest, time = self._tail(topic, partition)
            end = Position(1, 0, 0, time) if newest is None else _position_after(newest, time)
            if index > end.index:
                raise BadRequest(
                    "invalid_position",
                    f"The position {sequence_prefix(partition)}{index:020d} was never reached in {topic!r}: the next event "
                    f"there is {sequence_prefix(partition)}{end.index:020d}. It may be a position in another topic.",
                )
            positions.append(end)
            if newest is not None and index < end.index:
                tails.append((partition, newest))
        for search in self._search(topic, tails, lambda p, doc: _position_after(doc, 0).index <= indexes[p]):
            first = _first_index(search.found)
            index = indexes[search.partition]
            if index >= first:
                positions[search.partition] = Position(search.high, index - first, index)
            else:  # retention has deleted the event: a reader from here counts the lost events and continues behind them
                positions[search.partition] = Position(max(1, search.low), 0, index)
        return positions

    def _search(
        self, topic: str, tails: Sequence[tuple[int, Doc]], before: Callable[[int, Doc], bool]
    ) -> list[_Search]:
        """Find in each log the first batch that is not `before` the start.

        Args:
            tails: (partition, newest batch) of each log to search; the newest batch is known not to be before the start
            before: whether a batch of a partition is before the start
        """
        points = self._trims(topic, [partition for partition, _ in tails])
        searches = [_Search(partition, point.seq, tail) for (partition, tail), point in zip(tails, points, strict=True)]
        while unfinished := [search for search in searches if search.is_open]:
            paths = [batch_path(topic, search.partition, search.middle) for search in unfinished]
            for search, doc in zip(unfinished, self._store.get_many(paths, fields=_FIELDS).docs, strict=True):
                search.narrow(doc, before)
        return searches

    def _tail(self, topic: str, partition: int) -> tuple[Doc | None, int]:
        """Return the newest batch, or None for an empty log, and the read time, µs."""
        page = self._store.list(batches(topic, partition), limit=1, fields=_FIELDS)
        return (page.docs[0] if page.docs else None), page.time

    def _trims(self, topic: str, partitions: Sequence[int]) -> list[TrimPoint]:
        if not partitions:
            return []
        logs = self._store.get_many([log_path(topic, partition) for partition in partitions])
        return [TrimPoint.read(doc) for doc in logs.docs]


def _first_index(batch: Doc) -> int:
    """Return the log index of a batch's first event."""
    check_format(batch)
    return int(batch.data["first"] or 0)


def _position_after(batch: Doc, time_us: int) -> Position:
    """Return the position after a batch; the log was complete up to the batch at `time_us`."""
    return Position(seq_of(batch.path) + 1, 0, _first_index(batch) + int(batch.data["count"] or 0), time_us)
