"""What a run is to keep to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Mortal", "Promised"]


class Mortal(NamedTuple):
    """A subscriber of which events may die."""

    max_attempts: int
    dead_letter_topic: str
    #: the subscriber that gets the dead letters
    undertaker: str


class Promised(NamedTuple):
    """What a run asks for."""

    #: whether a subscriber is to get an event: subscriber, topic, id
    is_wanted: Callable[[str, str, str], bool]
    #: whether a topic's retention outlasts every lag
    is_kept: Callable[[str], bool]
    #: within so long an event published again is stored once, µs
    once_us: int
    #: the ack deadline of all subscriptions, µs
    deadline_us: int
    #: subscriptions, by subscriber and topic, that hold back what is newer than something unsettled
    ordered: frozenset[tuple[str, str]] = frozenset()
    #: subscribers of which events may die
    mortal: Mapping[str, Mortal] = {}

    @property
    def dead_letter_topics(self) -> set[str]:
        """Topics whose events the service publishes."""
        return {mortal.dead_letter_topic for mortal in self.mortal.values()}
