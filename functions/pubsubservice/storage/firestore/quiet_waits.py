"""Remembers the waits in which nothing was told, and finds out whether one of them was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pubsubservice.storage.port import Doc

__all__ = ["QuietWaits"]

_REMEMBERED = 10_000
#: how long before the end of its wait a document has to be created to count as missed, µs
_TOLERANCE_US = 2_000_000


class QuietWaits:
    """Per document, when the last wait ended that was told of nothing. Thread-safe."""

    def __init__(self) -> None:
        #: store time of the wait's end at the earliest, µs
        self._ended: dict[str, int] = {}

    def remember(self, paths: Iterable[str], began: int, waited_s: float) -> None:
        """Record a wait.

        Args:
            began: a store time before the wait, µs; 0 if none is known
            waited_s: how long it took, seconds
        """
        if not began:
            return
        if len(self._ended) > _REMEMBERED:
            self._ended = {}
        ended = self._ended
        for path in paths:
            ended[path] = began + round(waited_s * 1_000_000)

    def missed(self, docs: Sequence[Doc | None]) -> str | None:
        """Return the path of a document that a wait should have told of; forget the waits for documents that exist."""
        if not self._ended:
            return None
        missed = None
        for doc in docs:
            ended = self._ended.pop(doc.path, None) if doc is not None else None
            if doc is not None and ended is not None and doc.created < ended - _TOLERANCE_US:
                missed = doc.path
        return missed
