"""In which order events may go out: new ones by commit time over all topics, those of an ordered topic one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from pubsubservice.core.settings import Bounds
from pubsubservice.subscribers.state import State

from .logs import Logs
from .mix import SMALL
from .said import Event

if TYPE_CHECKING:
    from .book import Place

__all__ = ["Order"]


class Order:
    """The order of one subscriber's events."""

    def __init__(self, logs: Logs, bounds: Bounds, bad: Callable[[str], None]) -> None:
        self._logs = logs
        self._bad = bad
        #: with room for few delayed events only, logs stop, and others go on
        self._across_logs = bounds.delayed > SMALL.delayed
        self._last: tuple[int, str, int, int] = (0, "", 0, 0)

    def forget(self) -> None:
        """Somebody changed subscriptions: what comes now may be older."""
        self._last = (0, "", 0, 0)

    def check(self, state: State, after: Mapping[Event, Place], handed: Collection[str], passed: list[Event]) -> None:
        """New leases were made: of what was passed just now, and of what was due."""
        topics = state.topic_of()
        ordered = {s.number for s in state.subscriptions.values() if state.settings_of(s).ordered}
        new = [event for event in passed if event in after and after[event].leased and event[0] not in ordered]
        if not self._across_logs:
            new = []
        for key in sorted((self._created(topics, event), topics[event[0]], *event[1:]) for event in new):
            if key <= self._last:
                self._bad("first deliveries out of order")
            self._last = key
        for token in handed:
            for number in ordered:
                self._check_ordered(state, after, token, number)
        for number in ordered:
            self._check_unread(state, [e for e in passed if e[0] == number and e in after and after[e].leased])

    def _check_unread(self, state: State, handed: list[Event]) -> None:
        """Of an ordered topic, nothing that was not read yet is older than what was just handed out, in whatever log."""
        if not handed:
            return
        topics = state.topic_of()
        newest = max(self._created(topics, event) for event in handed)
        topic = topics[handed[0][0]]
        for partition, position in enumerate(state.subscriptions[topic].positions):
            unread = self._logs.events.get((topic, partition), [])[position.index :]
            if any(one.created < newest and one.visible == one.created for one in unread):
                self._bad("ordered: something newer was handed out before something older was read")

    def _check_ordered(self, state: State, after: Mapping[Event, Place], token: str, number: int) -> None:
        topics = state.topic_of()
        most = state.settings_of(state.subscriptions[topics[number]]).max_attempts
        mine = [e for e, p in after.items() if e[0] == number and p.leased and p.token == token]
        keys = [self._created(topics, event) for event in mine if not self._delayed(topics, event)]
        newest = max(keys, default=0)
        for event, place in after.items():
            if event[0] != number or self._delayed(topics, event) or (place.leased and place.token == token):
                continue
            waits = place.leased or (place.attempt <= most and not place.rejected)
            if waits and self._created(topics, event) < newest:
                self._bad("ordered: something newer was handed out while something older was unsettled")

    def _created(self, topics: Mapping[int, str], event: Event) -> int:
        return self._logs.events[(topics[event[0]], event[1])][event[2]].created

    def _delayed(self, topics: Mapping[int, str], event: Event) -> bool:
        appended = self._logs.events[(topics[event[0]], event[1])][event[2]]
        return appended.visible > appended.created
