"""Looks up the documents that come next in the logs, and keeps what was missing: the next pass need not read it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pubsubservice.core.runtime import Runtime
from pubsubservice.storage.port import Doc, Reads, Store

__all__ = ["LookUps", "Missing"]

#: documents from which on a read counts as large
_LARGE_READ = 16


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
