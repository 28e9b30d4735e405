"""The rows of an outbox, as the relay reads them, and their events."""

from __future__ import annotations

from typing import NamedTuple

from pubsubclient._core.json import decode
from pubsubclient._events.event import Event

__all__ = ["Row", "StoredEvent"]


class Row(NamedTuple):
    """A row that is to be published."""

    seq: int
    topic: str
    #: the CloudEvent's JSON
    event: str
    delay_s: float | None
    #: a time of the store before the first try to publish it, µs; None before that
    first_try: int | None


class StoredEvent(Event):
    """An event that was encoded when it was put into the outbox; it is published in the same bytes each time.

    Args:
        row: its row
        store: identifies the store that it goes to
        first_try: a time of the store before the first try, µs
    """

    __slots__ = ("seq",)

    def __init__(self, row: Row, store: str, first_try: int) -> None:
        self.seq = row.seq
        self.topic = row.topic
        self.first_tries = {store: first_try}
        self._line = row.event.encode()
        self._members = decode(self._line)
        self._data = self._members.get("data")
        self._data_json = None
