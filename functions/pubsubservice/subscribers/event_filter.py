"""Which of a topic's events a subscriber wants: what its filters let through, and nobody else's redriven events."""

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
    """Judges events once, when they are read from the log.

    Args:
        subscriber: who wants them
        topic: where they were published
        filters: the subscription's filters as they are stored; empty for none
    """

    def __init__(self, subscriber: str, topic: str, filters: bytes) -> None:
        self._subscriber = subscriber
        self._topic = topic
        self._filter = Filter.load(filters) if filters else None

    @property
    def filters(self) -> bool:
        """Whether anything is filtered at all."""
        return self._filter is not None

    def pick(self, lines: Sequence[bytes]) -> int:
        """The wanted events, as bits: bit i is set if `lines[i]` is wanted."""
        wanted = self._filter.select(lines, self._topic) if self._filter else (1 << len(lines)) - 1
        if any(_REDRIVEN in line for line in lines):
            for i, line in enumerate(lines):
                if meant_for_another(line, self._subscriber):
                    wanted &= ~(1 << i)
        return wanted


def meant_for_another(line: bytes, subscriber: str) -> bool:
    """Whether an event was redriven for one subscriber, which is not this one."""
    if _REDRIVEN not in line:
        return False
    return _redriven.decode(line).redrivefor not in (None, subscriber)
