"""Deaths and dead letters: each death has one letter, and each letter its death."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pubsubservice.subscribers.letter_ids import letter_id
from pubsubservice.subscribers.records import Dead

from .logs import Appended, Log, Logs

__all__ = ["Letters"]


class _Letter(msgspec.Struct):
    id: str
    source: str
    attempts: int


_decode = msgspec.json.Decoder(_Letter).decode


class Letters:
    """The dead letters of a seed."""

    def __init__(self, logs: Logs, bad: Callable[[str], None]) -> None:
        self._logs = logs
        self._bad = bad
        #: deaths by the letter that they are to have: its source and id
        self._deaths: dict[tuple[str, str], Dead] = {}
        #: the letters, and where each is
        self._letters: dict[tuple[str, str], tuple[str, int, int]] = {}

    def died(self, subscriber: str, dead: Dead) -> None:
        """An event failed for the last time."""
        self._deaths[_identity(subscriber, dead)] = dead

    def left(self, subscriber: str, dead: Dead) -> bool:
        """An event is in `dead` no more; whether it should be counted lost."""
        letter = self._letters.get(_identity(subscriber, dead))
        # one from before the death is of an earlier life of the subscriber's name
        if letter is not None and self._logs.events[letter[:2]][letter[2]].created >= dead.at:
            return False
        if self._logs.takes_dead_letters(dead.topic):
            return False
        if self._logs.trimmed(dead.topic, dead.partition, dead.index):
            return True
        self._bad("dead, but no dead letter")
        return False

    def on_batch(self, log: Log, events: list[Appended]) -> None:
        """Something was appended to a log of a dead-letter topic."""
        first = len(self._logs.events[log]) - len(events)
        for index, event in enumerate(events, first):
            letter = _decode(event.line)
            identity = (letter.source, letter.id)
            before = self._letters.get(identity)
            if before is not None and not self._logs.trimmed(*before):
                self._bad("a dead letter twice")
            self._letters[identity] = (*log, index)
            dead = self._deaths.get(identity)
            if dead is None or dead.attempts != letter.attempts:
                self._bad("a dead letter of nothing that died")


def _identity(subscriber: str, dead: Dead) -> tuple[str, str]:
    return f"/subscribers/{subscriber}", letter_id(dead)
