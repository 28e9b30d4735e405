"""Selects the events of a topic for a subscriber: those that pass its filters and were not redriven for another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pubsubservice.subscribers.filters import Filter

__all__ = ["EventFilter", "meant_for_another"]

_REDRIVEN = b'"redrivefor"'


class _Redriven(msgspec.Struct):
    redrivefor: Any = None


_redriven = msgspec.json.Decoder(_Redriven)


class EventFilter:
    """Selects events once, when they are read from the log; a redelivery does not filter again.

    Args:
        subscriber: name of the subscriber; empty to select what was redriven for any subscriber
        topic: name of the topic
        filters: the subscription's filters as stored; empty for none
    """

    def __init__(self, subscriber: str, topic: str, filters: bytes) -> None:
        self._subscriber = subscriber
        self._topic = topic
        self._filter = Filter.load(filters) if filters else None

    @property
    def filters(self) -> bool:
        """Whether the subscription has filters."""
        return self._filter is not None

    def pick(self, lines: Sequence[bytes]) -> int:
        """Return the selected events as bits: bit i is set if `lines[i]` is selected."""
        wanted = self._filter.select(lines, self._topic) if self._filter else (1 << len(lines)) - 1
        if self._subscriber and any(_REDRIVEN in line for line in lines):
            for i, line in enumerate(lines):
                if meant_for_another(line, self._subscriber):
                    wanted &= ~(1 << i)
        return wanted


def meant_for_another(line: bytes, subscriber: str) -> bool:
    """Whether an event was redriven for a subscriber other than this one."""
    if _REDRIVEN not in line:
        return False
    return _redriven.decode(line).redrivefor not in (None, subscriber)
