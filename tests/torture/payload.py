"""What an event says: known from its id alone, so that a consumer can tell whether it came whole."""

from __future__ import annotations

from typing import Any
from zlib import crc32

__all__ = ["colour_of", "data_of", "is_poisonous", "is_whole"]


def data_of(event_id: str) -> dict[str, Any]:
    """The data of the event with this id; of different lengths, some longer than a packet."""
    check = crc32(event_id.encode())
    return {"id": event_id, "check": check, "filling": "x" * (check % 97) * (1 + 40 * (check % 31 == 0))}


def colour_of(event_id: str) -> str:
    """The type of the event with this id, for filters."""
    return ("red", "green", "blue")[crc32(event_id.encode()) % 3]


def is_poisonous(event_id: str) -> bool:
    """Whether a consumer that fails does so with this event, each time."""
    return crc32(event_id.encode()) % 13 == 0


def is_whole(event_id: str, data: Any) -> bool:
    """Whether these are the data of the event with this id."""
    return bool(data == data_of(event_id))
