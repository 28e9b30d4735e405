"""A cursor in one log: the subscriber's position, the batches found behind it, and the slices taken from them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES, Slice, fitting, lines_of
from pubsubservice.log.batch import Batch
from pubsubservice.log.position import Position
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.paths import batch_path, topic_path
from pubsubservice.subscribers.delays import Delays
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.spans import Piece, Span, first_bits, lowest
from pubsubservice.subscribers.state import State

__all__ = ["LogCursor", "LogRead", "begin_topic", "head", "skip_trimmed", "take_slice"]


class LogCursor:
    """The reading state of one log, or of a topic that does not exist yet (`partition` is -1)."""

    def __init__(
        self,
        topic: str,
        subscription: Subscription,
        partition: int,
        event_filter: EventFilter,
        *,
        ordered: bool = False,
    ) -> None:
        self.topic = topic
        #: whether the topic is ordered: no event may overtake an older one
        self.ordered = ordered
        self.event_filter = event_filter
        self.subscription = subscription
        self.partition = partition
        self.position = Position() if partition < 0 else subscription.positions[partition]
        #: batches that were found and checked, and have events not yet handed out
        self.pending: deque[Batch] = deque()
        #: the next batch to read
        self.seq = self.position.seq
        #: the latest store time at which the log was known to exist up to batch `seq` - 1, or to end there; µs
        self.at = self.position.at
        #: all batches created up to this time are known; µs
        self.horizon = -1
        #: there may be more batches behind those that were read
        self.open = True
        #: the next event is delayed and the state has no room to hold it back: reading stops there
        self.full = False

    def next_path(self) -> str:
        """Return the path of the next document to read: the topic's while it does not exist, else the next batch's."""
        return topic_path(self.topic) if self.partition < 0 else batch_path(self.topic, self.partition, self.seq)


class LogRead(NamedTuple):
    """The result of one read of a log."""

    cursor: LogCursor
    found: list[Batch]
    #: read time of the first missing batch, µs; None if all batches existed
    missing: int | None
    #: whether the batches may have been trimmed before, which only the log's document tells
    doubtful: bool


def begin_topic(subscription: Subscription, partitions: int) -> None:
    """Begin to read a topic, which exists now, from its start."""
    subscription.positions = [Position() for _ in range(partitions)]
    subscription.starts = [0] * partitions


def head(cursor: LogCursor) -> tuple[int, str, int, LogCursor]:
    """Return the heap entry of a cursor: the create time of its first pending batch, and its log."""
    return cursor.pending[0].created, cursor.topic, cursor.partition, cursor


def skip_trimmed(state: State, cursor: LogCursor, point: TrimPoint) -> None:
    """Move a position to behind the trim point, and count the events trimmed in between as lost."""
    state.count_lost(cursor.topic, point.next_index - cursor.position.index)
    cursor.seq, cursor.at = point.seq + 1, 0
    cursor.position.seq, cursor.position.offset, cursor.position.index, cursor.position.at = (
        cursor.seq,
        0,
        point.next_index,
        0,
    )


def take_slice(cursor: LogCursor, max_events: int, room: int, delays: Delays) -> Slice | None:
    """Move the position past those events of its next batch that fit; return the ones to deliver now, None if there are none.

    Filtered events are passed over. Delayed events are passed over too, and held back in the state through `delays`.

    Args:
        max_events: how many events to deliver at most
        room: bytes left in the response
    """
    batch, position = cursor.pending[0], cursor.position
    start = position.offset
    lines = batch.lines()[start:]
    wanted = cursor.event_filter.pick(lines)
    delayed = [(wanted & bits >> start, due_us) for bits, due_us in batch.delays() if due_us > delays.now]
    for bits, _ in delayed:
        wanted &= ~bits
    # the first event of a response always fits, whatever its size
    chosen = fitting(lines, first_bits(wanted, max_events), room, at_least_one=room >= MAX_RESPONSE_BYTES)
    stop = lowest(wanted & ~chosen) if chosen != wanted else len(lines)
    for bits, due_us in delayed:
        held = bits & ((1 << stop) - 1)
        if held and not delays.add(_piece(cursor, batch, start, held), due_us):
            cursor.full, stop = True, lowest(held)
    chosen &= (1 << stop) - 1
    position.at = batch.created
    position.index = batch.first + start + stop
    if start + stop < batch.count:
        position.seq, position.offset = batch.seq, start + stop
    else:
        position.seq, position.offset = batch.seq + 1, 0
        cursor.pending.popleft()
    if not chosen:
        return None
    piece = _piece(cursor, batch, start, chosen)
    return Slice(cursor.topic, *piece, batch, lines_of(lines, chosen))


def _piece(cursor: LogCursor, batch: Batch, start: int, mask: int) -> Piece:
    """Return events of a batch as a piece; bit 0 of the mask is the event at offset `start`."""
    low, high = lowest(mask), mask.bit_length()
    span = Span(
        cursor.subscription.number, cursor.partition, batch.seq, start + low, start + high, batch.first + start + low
    )
    return Piece(span, mask >> low)
