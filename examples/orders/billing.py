"""Charges orders, and publishes an invoice for each: python billing.py"""

from __future__ import annotations

import logging

from messages import Invoice, Order, invoices, orders
from pubsubclient import App, ReceivedEvent, Reject, Retry

app = App("billing")
log = logging.getLogger("billing")


class BankBusyError(Exception):
    """The bank did not take the charge; it will, later."""


def charge_at_bank(order: Order, attempt: int) -> None:
    """Stands for a bank, which is busy at the first attempt of every fourth order."""
    if order.number % 4 == 0 and attempt == 1:
        raise BankBusyError


@app.handler(orders, type="order.placed", max_attempts=5, backoff=1, publish_to=invoices)
def charge(order: Order, event: ReceivedEvent) -> Invoice:
    """Charge an order. The invoice is stored before the order counts as handled, and once however often this runs."""
    if order.amount <= 0:
        raise Reject("nothing to charge")
    try:
        charge_at_bank(order, event.attempt)
    except BankBusyError:
        raise Retry("the bank is busy", delay=0) from None
    log.info("charged order %d", order.number)
    return Invoice(order.number, order.customer, order.amount)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    raise SystemExit(app.run())
