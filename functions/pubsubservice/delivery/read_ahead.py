"""How many batches to ask a log for: one where nothing new is expected, many in a backlog."""

from __future__ import annotations

from collections.abc import Sequence

from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES
from pubsubservice.log.batch import Batch

__all__ = ["MAX_READS", "ReadAhead"]

#: reads of one call beyond one a log; also the batches that one lease spans
MAX_READS = 256
_REMEMBERED_LOGS = 10_000

_Log = tuple[str, int]


class ReadAhead:
    """What a process remembers of the logs that it has read: hints that save reads, no proofs."""

    def __init__(self) -> None:
        #: per log: the next batch, and when it was seen to be missing
        self._ends: dict[_Log, tuple[int, int]] = {}
        #: per log: the next batch, and the window that the backlog asks for
        self._widths: dict[_Log, tuple[int, int]] = {}

    def ended_at(self, log: _Log, seq: int) -> int:
        """When batch `seq` was last seen to be missing, µs; 0 when that is not known. Saves a read a poll."""
        next_seq, time = self._ends.get(log, (0, 0))
        return time if next_seq == seq else 0

    def width(self, log: _Log, seq: int) -> int:
        """How many batches to ask for, from `seq` on."""
        next_seq, width = self._widths.get(log, (0, 1))
        return width if next_seq == seq else 1

    def ended(self, log: _Log, seq: int, time: int) -> None:
        """Batch `seq` was missing at this time."""
        _remember(self._ends, log, (seq, time))
        self._widths.pop(log, None)

    def goes_on(self, log: _Log, seq: int, found: Sequence[Batch], events: int | None) -> None:
        """A whole window was there; batch `seq` is next.

        Asked for next are as many batches as their like would fill the answer, at most double, since what is asked for in
        vain is billed too.

        Args:
            events: how many are still wanted; None when nobody knows how many of them a filter lets through
        """
        stored = sum(batch.stored_bytes for batch in found)
        wanted = MAX_RESPONSE_BYTES * len(found) // max(stored, 1)
        if events is not None:
            wanted = min(-(-events * len(found) // sum(batch.count for batch in found)), wanted)
        _remember(self._widths, log, (seq, max(1, min(wanted, 2 * len(found), MAX_READS))))


def _remember(memory: dict[_Log, tuple[int, int]], log: _Log, what: tuple[int, int]) -> None:
    if len(memory) >= _REMEMBERED_LOGS and log not in memory:
        memory.clear()
    memory[log] = what
