"""The dead letters of a subscriber."""

from __future__ import annotations

from collections.abc import Iterator

from pubsubclient import NotFound, ReceivedEvent, Service
from pubsubclient._core.names import stands_for
from pubsubclient._http.transport import Transport
from pubsubclient.cli.peeking import Filters, pages
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


def letters(service: Service, subscriber: str, topic: str | None = None, filters: Filters = ()) -> Iterator[Letter]:
    """Yield the dead letters of a subscriber that are kept, oldest first; of events of one topic, or of topics of a pattern.

    Raises NotFound, ServiceError, Unavailable.
    """
    transport = Transport.to(service)
    described = state(transport, "subscriber", subscriber)
    sources = {each.get("dead_letter_topic") or f"{subscriber}.dead" for each in described["subscriptions"]}
    redriver = f"{subscriber}.redrive"
    found = pages(
        service,
        sorted(sources or {f"{subscriber}.dead"}),
        start="earliest",
        filters=[{"exact": {"source": f"/subscribers/{subscriber}"}}, *filters],
        of=redriver if _exists(transport, redriver) else None,
    )
    for page in found:
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
