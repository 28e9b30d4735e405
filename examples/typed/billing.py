"""Charges orders: data has types on both sides, which mypy checks in strict mode, and the service's users at run time.

python -m pubsubclient.worker billing:app
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from pubsubclient import App, Event, ReceivedEvent, Reject, Topic


@dataclass
class Order:
    """What a shop publishes."""

    number: int
    amount: Decimal
    placed: datetime


@dataclass
class Receipt:
    """What billing publishes."""

    order: int
    total: Decimal


orders: Topic[Order] = Topic("orders", of=Order)
receipts: Topic[Receipt] = Topic("receipts", of=Receipt)

app = App("billing", publishes=[orders, "audit.shop"])


@app.handler(orders, type="order.placed", max_attempts=5, backoff=10, publish_to=receipts)
def charge(order: Order, event: Event) -> Receipt:
    """Charge one order; the receipt is published before the order counts as handled."""
    if order.amount <= 0:
        raise Reject(f"order {order.number}, event {event.id}: nothing to charge")
    return Receipt(order.number, order.amount)


@app.handler(receipts, batch=100)
async def archive(batch: list[Receipt], events: list[ReceivedEvent]) -> None:
    """Keep many receipts at once."""
    for receipt, event in zip(batch, events, strict=True):
        print(f"{event.recordedtime:%H:%M:%S} order {receipt.order}: {receipt.total}", flush=True)


@app.handler("audit.*", subscriber="audit")
def audit(event: ReceivedEvent) -> None:
    """Take events of any data."""
    print(event.topic, event.data, flush=True)


def place(number: int, amount: Decimal) -> str:
    """Publish an order; returns the event's id."""
    order = Order(number, amount, datetime.now(timezone.utc))
    app.publish("audit.shop", {"placed": number})
    return app.publish(orders, order, type="order.placed", subject=str(number)).id


def test_an_order_is_charged() -> None:
    """A handler is a function: call it."""
    order = Order(1, Decimal("2.50"), datetime.now(timezone.utc))
    event = Event(orders, order, type="order.placed")
    assert charge(order, event) == Receipt(1, Decimal("2.50"))
