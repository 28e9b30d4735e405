"""One log as a subscriber reads it: where it is, what was found, and the events taken from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from pubsubservice.batch import Batch
from pubsubservice.expire import TrimPoint
from pubsubservice.names import batch_path, topic_path
from pubsubservice.spans import Span
from pubsubservice.state import State
from pubsubservice.subscriber import Position, Subscription

__all__ = ["ADDED_BYTES", "MAX_ANSWER_BYTES", "Slice", "Tap", "head", "skip", "take"]

#: bytes of events in one answer
MAX_ANSWER_BYTES = 8 * 1024 * 1024
#: what the service adds to each event of an answer, about
ADDED_BYTES = 450


class Slice(NamedTuple):
    """Consecutive events of one batch, to be delivered."""

    topic: str
    span: Span
    batch: Batch
    #: the events' JSON
    lines: Sequence[bytes]


class Tap:
    """One log being read, or a topic that does not exist yet (`partition` is -1)."""

    def __init__(self, topic: str, subscription: Subscription, partition: int) -> None:
        self.topic = topic
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

    def next_path(self) -> str:
        return topic_path(self.topic) if self.partition < 0 else batch_path(self.topic, self.partition, self.seq)


def head(tap: Tap) -> tuple[int, str, int, Tap]:
    return tap.pending[0].created, tap.topic, tap.partition, tap


def skip(state: State, tap: Tap, point: TrimPoint) -> None:
    """The log was trimmed past a position: it goes on behind the trim point, and what it missed is counted."""
    state.count_lost(tap.topic, point.next_index - tap.position.index)
    tap.seq, tap.at = point.seq + 1, 0
    tap.position.seq, tap.position.offset, tap.position.index, tap.position.at = tap.seq, 0, point.next_index, 0


def take(tap: Tap, max_events: int, room: int) -> Slice | None:
    """Move a position past the events of its next batch that fit; None when not one fits any more."""
    batch, position = tap.pending[0], tap.position
    start = position.offset
    lines = batch.lines()[start : start + max_events]
    size = 0
    for fit, line in enumerate(lines):
        size += len(line) + ADDED_BYTES
        if size > room and (fit or room < MAX_ANSWER_BYTES):
            lines = lines[:fit]
            break
    if not lines:
        return None
    stop = start + len(lines)
    span = Span(tap.subscription.number, tap.partition, batch.seq, start, stop, batch.first + start)
    position.at = batch.created
    position.index = batch.first + stop
    if stop < batch.count:
        position.seq, position.offset = batch.seq, stop
    else:
        position.seq, position.offset = batch.seq + 1, 0
        tap.pending.popleft()
    return Slice(tap.topic, span, batch, lines)
