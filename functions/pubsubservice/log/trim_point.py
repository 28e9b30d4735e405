"""How far retention has deleted a log."""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.storage.format import check_format
from pubsubservice.storage.port import Doc

__all__ = ["TrimPoint"]


class TrimPoint(NamedTuple):
    """How far a log was trimmed."""

    #: number of the last batch that is gone
    seq: int = 0
    #: log index of the first event behind it
    next_index: int = 0

    @classmethod
    def read(cls, log: Doc | None) -> TrimPoint:
        """Take it from a log's document; a log that was never trimmed has none."""
        if log is None:
            return cls()
        check_format(log)
        return cls(int(log.data["trim"] or 0), int(log.data["index"] or 0))
