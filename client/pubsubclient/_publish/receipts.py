"""Receipts: the service's response to a publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from pubsubclient._core.attributes import parse_time
from pubsubclient._http.responses import bad_response

__all__ = ["LazyReceipts", "Receipt", "read_receipts"]


@dataclass(frozen=True)
class Receipt:
    """Confirms that an event is stored, and where."""

    #: the event's id
    id: str
    #: the event's position in the topic: partition and offset, ``0000-00000000000000000017``
    sequence: str
    #: when the event was stored; events are delivered in this order
    recordedtime: datetime


class LazyReceipts(Sequence[Receipt]):
    """The receipts of a response, each made when it is looked at.

    Args:
        body: the response to a publish of `count` events

    Raises:
        ServiceError: a receipt is missing (``bad_answer``)
    """

    def __init__(self, body: dict[str, Any], count: int) -> None:
        self._rows = _read_rows(body, count)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Receipt: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Receipt]: ...

    def __getitem__(self, index: int | slice) -> Receipt | Sequence[Receipt]:
        if isinstance(index, slice):
            return [Receipt(*row) for row in self._rows[index]]
        return Receipt(*self._rows[index])


def read_receipts(body: dict[str, Any], count: int) -> list[Receipt]:
    """Read the receipts of `count` events from a response. Raises ServiceError (``bad_answer``) if any is missing."""
    return [Receipt(*row) for row in _read_rows(body, count)]


def _read_rows(body: dict[str, Any], count: int) -> list[tuple[str, str, datetime]]:
    """Read the fields of receipts. Raises: as `read_receipts`."""
    times: dict[str, datetime] = {}  # few: events of one commit share their time
    try:
        for stored in body["events"]:
            time = stored["recordedtime"]
            if time not in times:
                times[time] = parse_time(time)
        rows = [(stored["id"], stored["sequence"], times[stored["recordedtime"]]) for stored in body["events"]]
    except (KeyError, TypeError, ValueError) as e:
        raise bad_response("publish", f"it holds no receipts ({e!r})") from e
    if len(rows) != count:
        raise bad_response("publish", f"{count} receipts were expected; got {len(rows)}")
    return rows
