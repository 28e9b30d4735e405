"""The trim point of a log: how far retention has deleted it."""

from __future__ import annotations

from typing import NamedTuple

from pubsubservice.storage.format import check_format
from pubsubservice.storage.port import Doc

__all__ = ["TrimPoint"]


class TrimPoint(NamedTuple):
    """Where a log begins. Retention moves the trim point first, then deletes the batches up to it."""

    #: number of the last trimmed batch; 0 if no batch was trimmed
    seq: int = 0
    #: log index of the first event that is kept
    next_index: int = 0

    @classmethod
    def read(cls, log: Doc | None) -> TrimPoint:
        """Read the trim point from a log's document; None stands for a log that was never trimmed.

        Raises Unavailable for a newer format.
        """
        if log is None:
            return cls()
        check_format(log)
        return cls(int(log.data["trim"] or 0), int(log.data["index"] or 0))
