"""One log as a subscriber reads it: where it is, what was found, and the events taken from it."""

from __future__ import annotations

from collections import deque

from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES, Slice, _lowest, fitting, lines_of
from pubsubservice.log.batch import Batch
from pubsubservice.log.position import Position
from pubsubservice.log.trim_point import TrimPoint
from pubsubservice.storage.paths import batch_path, topic_path
from pubsubservice.subscribers.delays import Delays
from pubsubservice.subscribers.event_filter import EventFilter
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.spans import Piece, Span, first_bits
from pubsubservice.subscribers.state import State

__all__ = ["LogCursor", "head", "skip", "take"]


class LogCursor:
    """One log being read, or a topic that does not exist yet (`partition` is -1)."""

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
        #: no event may overtake an older one of the topic
        self.ordered = ordered
        self.event_filter = event_filter
        self.subscription = subscription
        self.partition = partition
        self.position = Position() if partition < 0 else subscription.positions[partition]
        #: found, judged, and not yet handed out
        self.pending: deque[Batch] = deque()
        #: the next batch to read
        self.seq = self.position.seq
        #: when the log up to `seq` - 1 was known to be there, or to end there; µs
        self.at = self.position.at
        #: everything created up to here is known; µs
        self.horizon = -1
        #: there may be more behind what was read
        self.open = True
        #: the next event is delayed, and there is no room to keep it back: the log stops
        self.full = False

    def next_path(self) -> str:
        return topic_path(self.topic) if self.partition < 0 else batch_path(self.topic, self.partition, self.seq)


def head(cursor: LogCursor) -> tuple[int, str, int, LogCursor]:
    return cursor.pending[0].created, cursor.topic, cursor.partition, cursor


def skip(state: State, cursor: LogCursor, point: TrimPoint) -> None:
    """The log was trimmed past a position: it goes on behind the trim point, and what it missed is counted."""
    state.count_lost(cursor.topic, point.next_index - cursor.position.index)
    cursor.seq, cursor.at = point.seq + 1, 0
    cursor.position.seq, cursor.position.offset, cursor.position.index, cursor.position.at = (
        cursor.seq,
        0,
        point.next_index,
        0,
    )


def take(cursor: LogCursor, max_events: int, room: int, delays: Delays) -> Slice | None:
    """Move a position past what fits of its next batch; returns what of that is to be delivered now, if anything.

    Passed over is what the subscriber does not want, and what was published with a delay: that is kept in the state.
    """
    batch, position = cursor.pending[0], cursor.position
    start = position.offset
    lines = batch.lines()[start:]
    wanted = cursor.event_filter.pick(lines)
    waiting = [(wanted & bits >> start, at) for bits, at in batch.delays() if at > delays.now]
    for bits, _ in waiting:
        wanted &= ~bits
    # one event alone always fits an answer
    chosen = fitting(lines, first_bits(wanted, max_events), room, whatever=room >= MAX_RESPONSE_BYTES)
    stop = _lowest(wanted & ~chosen) if chosen != wanted else len(lines)
    for bits, at in waiting:
        held = bits & ((1 << stop) - 1)
        if held and not delays.add(_piece(cursor, batch, start, held), at):
            cursor.full, stop = True, _lowest(held)
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
    """These events of a batch, whose bit 0 is its event number `start`."""
    low, high = _lowest(mask), mask.bit_length()
    span = Span(
        cursor.subscription.number, cursor.partition, batch.seq, start + low, start + high, batch.first + start + low
    )
    return Piece(span, mask >> low)
