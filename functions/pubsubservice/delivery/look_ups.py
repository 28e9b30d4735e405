"""Looks up the documents that come next in the logs: how many of each log at once, and what is known to be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pubsubservice.core.runtime import Runtime
from pubsubservice.delivery.slices import MAX_RESPONSE_BYTES
from pubsubservice.log.batch import Batch
from pubsubservice.storage.port import Doc, Reads, Store

__all__ = ["MAX_READS", "LookUps", "Missing", "ReadAhead"]

#: reads of one call beyond one per log; also the most batches in one lease
MAX_READS = 256
_REMEMBERED_LOGS = 10_000
#: documents from which on a read counts as large
_LARGE_READ = 16

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


class Missing:
    """Documents that were missing a moment ago, by path, with the read times that say so, µs.

    A log is complete up to the read time of its first missing batch. So a pass that starts from what an earlier one saw hands
    out what was there then, and nothing later. Each path is used once: a pass that needs to know more of a log reads.

    Args:
        known: what an earlier pass saw
    """

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        #: all that is known now: what the next pass may start from
        self.seen: dict[str, int] = dict(known or ())
        self._unused = dict(self.seen)

    def __contains__(self, path: str) -> bool:
        """Whether `use` has a read time for this path."""
        return path in self._unused

    def use(self, path: str) -> int:
        """Return the read time at which a document was missing, which this pass may do once. Raises KeyError."""
        return self._unused.pop(path)

    def add(self, path: str, time: int) -> None:
        """Note that a document was missing at a read time."""
        self.seen[path] = time


class LookUps:
    """Reads documents for one process. Thread-safe."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        #: locks that limit concurrent large reads, and so the memory they take
        self._large = [runtime.new_lock() for _ in range(4)]

    def read(self, paths: Sequence[str], missing: Missing) -> tuple[list[Doc | None], list[int]]:
        """Return documents and their read times, µs. Raises StoreError.

        Args:
            missing: documents that are not read; those that are missing now are added
        """
        found: dict[str, tuple[Doc | None, int]] = {
            path: (None, missing.use(path)) for path in paths if path in missing
        }
        ask = [path for path in paths if path not in found]
        if ask:
            reads = self._read(ask)
            for path, doc, time in zip(ask, reads.docs, reads.times, strict=True):
                found[path] = doc, time
                if doc is None:
                    missing.add(path, time)
        return [found[path][0] for path in paths], [found[path][1] for path in paths]

    def _read(self, paths: Sequence[str]) -> Reads:
        if len(paths) < _LARGE_READ:
            return self._store.get_many(paths)
        with self._large[int(self._runtime.random() * len(self._large))]:
            return self._store.get_many(paths)


def _remember(memory: dict[_Log, tuple[int, int]], log: _Log, hint: tuple[int, int]) -> None:
    if len(memory) >= _REMEMBERED_LOGS and log not in memory:
        memory.clear()
    memory[log] = hint
