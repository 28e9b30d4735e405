"""The dead letters of a subscriber."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pubsubclient._core.errors import NotFound
from pubsubclient._core.names import stands_for
from pubsubclient._events.event import ReceivedEvent
from pubsubclient._http.transport import Transport
from pubsubclient.cli.peeking import filters_of, pages
from pubsubclient.cli.reads import state

__all__ = ["Letter", "letters"]

#: what became of a letter for the subscriber that redrives: these are redriven
_REDRIVEN = "settled"


class Letter:
    """One dead letter.

    Attributes:
        event: the letter, with the attributes ``originaltopic``, ``reason`` and ``attempts``
        redriven: whether it was redriven
    """

    def __init__(self, event: ReceivedEvent, *, redriven: bool) -> None:
        self.event = event
        self.redriven = redriven

    @property
    def topic(self) -> str:
        """The topic of the event that failed."""
        return str(self.event.members["originaltopic"])

    @property
    def reason(self) -> str:
        """Why it failed for the last time; empty if that is not known."""
        return str(self.event.members.get("reason") or "")


def letters(
    transport: Transport, subscriber: str, topic: str | None = None, filters: Sequence[Mapping[str, Any]] = ()
) -> Iterator[Letter]:
    """Yield the dead letters of a subscriber that are kept, oldest first; of events of one topic, or of topics of a pattern.

    Raises NotFound, ServiceError, Unavailable.
    """
    described = state(transport, "subscriber", subscriber)
    sources = {each.get("dead_letter_topic") or f"{subscriber}.dead" for each in described["subscriptions"]}
    wanted = [{"exact": {"source": f"/subscribers/{subscriber}"}}, *filters]
    query: dict[str, Any] = {
        "topic": sorted(sources or {f"{subscriber}.dead"}),
        "start": "earliest",
        **filters_of(wanted),
    }
    redriver = f"{subscriber}.redrive"
    if _exists(transport, redriver):
        query["of"] = redriver
    for page in pages(transport, query):
        for event in page.events:
            letter = Letter(event, redriven=page.states.get(event.topic, {}).get(event.sequence) == _REDRIVEN)
            if topic is None or letter.topic == topic or stands_for(topic, letter.topic):
                yield letter
        if not page.more:
            return


def _exists(transport: Transport, subscriber: str) -> bool:
    try:
        return bool(state(transport, "subscriber", subscriber))
    except NotFound:
        return False
