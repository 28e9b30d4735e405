"""A publisher: a process that publishes its share of the webhooks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from demo.messages import Advanced, Finished, Message
from demo.metering import MeteringAdapter
from demo.webhooks import Webhooks
from pubsubclient import Event, Publisher, Service

__all__ = ["publish"]

#: webhooks come in bursts; publish sends one request for each topic among them
_BURST = 250


def publish(tell: Callable[[Message], None], url: str, name: str, total: int, place: int, among: int) -> None:
    """Publish every `among`-th of `total` webhooks, from the one at `place` on."""
    adapter = MeteringAdapter()
    publisher = Publisher(name, service=Service(url, adapter=adapter))
    webhooks = Webhooks(total).share(place, among)
    began = time.monotonic()
    published = 0
    while burst := list(itertools.islice(webhooks, _BURST)):
        events = [
            Event(hook.topic, hook.data, type=hook.type, id=hook.id, attributes={"number": number})
            for number, hook in burst
        ]
        receipts = publisher.publish(events)
        if [receipt.id for receipt in receipts] != [event.id for event in events]:
            raise AssertionError(f"{name}: the receipts are not those of the events published")
        published += len(receipts)
        tell(Advanced(name, len(receipts)))
    tell(Finished(name, published, time.monotonic() - began, adapter.operations, []))
