"""An emulator with something of everything that the console shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pubsubclient import Publisher, ReceivedEvent, Subscriber, Topic

__all__ = ["VIEWS", "drained", "filled", "reject"]

#: the console's views, as what follows # in the address
VIEWS = (
    "/topics", "/tail?topic=orders.*&start=earliest", "/subscribers", "/subscribers/billing",
    "/subscribers?topic=orders.eu&event=0000-00000000000000000000", "/dead",
    "/publish?topic=orders.eu&data=%7B%22number%22%3A%2017%7D", "/cost",
)  # fmt: skip


@contextmanager
def filled(url: str) -> Iterator[None]:
    """Topics, subscribers, a lease that stays open, events that come again, dead letters of which one was redriven."""
    Topic("clicks", partitions=4, service=url)
    shop = Publisher("shop", service=url)
    with Subscriber("billing", service=url) as billing, Subscriber("audit", service=url) as audit:
        billing.subscribe("orders.*", filters=[{"prefix": {"type": "order."}}], max_attempts=3, ack_deadline=600)
        audit.subscribe(">", ordered=True)
        for number, town in enumerate(("Bielefeld", "Lyon", "Porto", "Graz", "Ghent", "Turin"), 202201180000000014):
            data = {"number": number, "customer": {"name": "Ada", "town": town}, "total": 99.5}
            shop.publish("orders.eu", data, type="order.placed", subject=str(number), attributes={"region": "eu"})
        reject(billing, "no such customer", "timeout after 30 s", "no such customer")
        letter = {"any": [{"exact": {"reason": "timeout after 30 s"}}]}
        billing.redrive("orders.eu", filters=[letter])
        shop.publish("orders.us", {"number": 3}, type="order.placed")
        shop.publish("orders.us", {"items": []}, type="cart.left")
        shop.publish("clicks", {"x": 1.0, "y": 3}, type="click")
        billing.get_events(max_events=1)[0].nack(delay=500, reason="later")
        held = billing.get_events(max_events=1)
        yield
        for event in held:
            event.ack()


def drained(subscriber: Subscriber) -> list[ReceivedEvent]:
    """All that the subscriber can have now; acknowledged."""
    events: list[ReceivedEvent] = []
    while got := subscriber.get_events(max_events=100):
        events += got
    return events


def reject(subscriber: Subscriber, *reasons: str) -> None:
    """Let the next events fail for the last time, one with each of these reasons, and their dead letters be published."""
    for event, reason in zip(subscriber.get_events(max_events=len(reasons)), reasons, strict=True):
        event.nack(reason=reason, dead=True)
    drained(subscriber)
