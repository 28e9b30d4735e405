"""A consumer: a process that gets a subscriber's events; several of one name share them."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.synchronize import Event as Flag

from demo.messages import Advanced, Arrival, Finished, Message
from demo.metering import MeteringAdapter
from demo.webhooks import digest
from pubsubclient import ReceivedEvent, Service, Subscriber

__all__ = ["consume"]

#: few enough that competing consumers take turns
_AT_ONCE = 250
_WAIT_S = 1.0


def consume(
    tell: Callable[[Message], None], url: str, process: str, subscriber: str, topics: list[str], enough: Flag
) -> None:
    """Get a subscriber's events until `enough` is set, and once more: nothing may come then."""
    adapter = MeteringAdapter()
    arrivals: list[Arrival] = []
    began = ended = 0.0
    with Subscriber(subscriber, service=Service(url, adapter=adapter)) as source:
        for topic in topics:
            source.subscribe(topic)
        last = False
        while not last:
            last = enough.is_set()
            # acknowledges those of the call before
            events = source.get_events(max_events=_AT_ONCE, wait=0 if last else _WAIT_S)
            if events:
                ended = time.monotonic()
                began = began or ended
                arrivals += [_arrival(event) for event in events]
                tell(Advanced(process, len(events)))
    tell(Finished(process, len(arrivals), ended - began, adapter.operations, arrivals))


def _arrival(event: ReceivedEvent) -> Arrival:
    number = event.attributes["number"]
    return Arrival(event.id, event.topic, event.source, int(number), event.recordedtime, digest(event.data))
