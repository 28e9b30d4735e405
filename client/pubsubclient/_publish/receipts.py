"""Receipts: the service's response to a publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pubsubclient._core.attributes import parse_time
from pubsubclient._http.responses import bad_response

__all__ = ["Receipt", "read_receipts"]


@dataclass(frozen=True)
class Receipt:
    """Confirms that an event is stored, and where."""

    #: the event's id
    id: str
    #: the event's position in the topic: partition and offset, ``0000-00000000000000000017``
    sequence: str
    #: when the event was stored; events are delivered in this order
    recordedtime: datetime


def read_receipts(body: dict[str, Any], count: int) -> list[Receipt]:
    """Read the receipts of `count` events from a response. Raises ServiceError (``bad_answer``) if any is missing."""
    times: dict[str, datetime] = {}  # few: events of one commit share their time
    try:
        for stored in body["events"]:
            time = stored["recordedtime"]
            if time not in times:
                times[time] = parse_time(time)
        receipts = [
            Receipt(stored["id"], stored["sequence"], times[stored["recordedtime"]]) for stored in body["events"]
        ]
    except (KeyError, TypeError, ValueError) as e:
        raise bad_response("publish", f"it holds no receipts ({e!r})") from e
    if len(receipts) != count:
        raise bad_response("publish", f"{count} receipts were expected; got {len(receipts)}")
    return receipts
