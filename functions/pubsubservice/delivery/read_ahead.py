"""Read-ahead: how many batches of a log to read at once. One where nothing new is expected, many in a backlog."""

from __future__ import annotations

from collections.abc import Sequence

from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES
from pubsubservice.log.batch import Batch

__all__ = ["MAX_READS", "ReadAhead"]

#: reads of one call beyond one per log; also the most batches in one lease
MAX_READS = 256
_REMEMBERED_LOGS = 10_000

_Log = tuple[str, int]


class ReadAhead:
    """What a process remembers of the logs it has read. Hints that save reads; correctness never depends on them."""

    def __init__(self) -> None:
        #: per log: the next batch, and when it was last seen to be missing, µs
        self._ends: dict[_Log, tuple[int, int]] = {}
        #: per log: the next batch, and how many batches to read from it on
        self._widths: dict[_Log, tuple[int, int]] = {}

    def ended_at(self, log: _Log, seq: int) -> int:
        """Return when batch `seq` was last seen to be missing, µs; 0 if unknown. Saves one read per poll."""
        next_seq, time = self._ends.get(log, (0, 0))
        return time if next_seq == seq else 0

    def width(self, log: _Log, seq: int) -> int:
        """Return how many batches to read, from `seq` on."""
        next_seq, width = self._widths.get(log, (0, 1))
        return width if next_seq == seq else 1

    def ended(self, log: _Log, seq: int, time: int) -> None:
        """Record that batch `seq` was missing at a time, µs."""
        _remember(self._ends, log, (seq, time))
        self._widths.pop(log, None)

    def goes_on(self, log: _Log, seq: int, found: Sequence[Batch], events: int | None) -> None:
        """Record that all batches of a read existed; batch `seq` is next.

        The next read asks for as many batches of this size as would fill the response. It asks for at most twice as many
        as the last one, because reads of missing batches are billed too. Behind a batch that came since the log was read to
        its end, there is probably nothing: the next read asks for one.

        Args:
            events: how many events are still wanted; None with a filter, which may pass any number of them
        """
        stored = sum(batch.stored_bytes for batch in found)
        wanted = MAX_RESPONSE_BYTES * len(found) // max(stored, 1)
        if events is not None:
            wanted = min(-(-events * len(found) // sum(batch.count for batch in found)), wanted)
        caught_up = self._ends.get(log, (0, 0))[0] == found[0].seq
        most = len(found) if caught_up else 2 * len(found)
        _remember(self._widths, log, (seq, max(1, min(wanted, most, MAX_READS))))


def _remember(memory: dict[_Log, tuple[int, int]], log: _Log, hint: tuple[int, int]) -> None:
    if len(memory) >= _REMEMBERED_LOGS and log not in memory:
        memory.clear()
    memory[log] = hint
