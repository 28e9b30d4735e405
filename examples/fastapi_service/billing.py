"""Charges orders, in a worker of its own: python -m pubsubclient.worker billing:app"""

import logging

from messages import Order, orders
from pubsubclient import App, Reject

app = App("billing")


@app.handler(orders, type="order.placed", max_attempts=5)
async def charge(order: Order) -> None:
    """Charge an order."""
    if order.amount <= 0:
        raise Reject("nothing to charge")
    logging.info("charged order %d", order.number)
