"""What publish answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pubsubclient._core.attributes import parse_time
from pubsubclient._http.responses import bad_answer

__all__ = ["Receipt", "read_receipts"]


@dataclass(frozen=True)
class Receipt:
    """That an event is stored, and where."""

    #: the event's id
    id: str
    #: its place in the topic: partition and index, ``0000-00000000000000000017``
    sequence: str
    #: when it was stored: events are delivered in this order
    recordedtime: datetime


def read_receipts(body: dict[str, Any], count: int) -> list[Receipt]:
    """The receipts of an answer to `count` events. Raises ServiceError (``bad_answer``) if they are not there."""
    times: dict[str, datetime] = {}  # of few commits
    try:
        for stored in body["events"]:
            time = stored["recordedtime"]
            if time not in times:
                times[time] = parse_time(time)
        receipts = [
            Receipt(stored["id"], stored["sequence"], times[stored["recordedtime"]]) for stored in body["events"]
        ]
    except (KeyError, TypeError, ValueError) as e:
        raise bad_answer("publish", f"it holds no receipts ({e!r})") from e
    if len(receipts) != count:
        raise bad_answer("publish", f"{count} receipts were expected; got {len(receipts)}")
    return receipts
