"""What a pass over the logs found missing, so that the next pass does not read it again."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Missing"]


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
