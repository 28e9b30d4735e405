"""Ships what was charged, each customer's orders in turn: python shipping.py"""

from __future__ import annotations

import asyncio
import logging

from messages import Invoice, invoices
from pubsubclient import App

app = App("shipping")
log = logging.getLogger("shipping")


@app.handler(invoices, ordered=True, lane=lambda event: event.data["customer"])
async def ship(invoice: Invoice) -> None:
    """Pack and send; many at the same time."""
    await asyncio.sleep(0.01)
    log.info("shipped order %d to %s for %s", invoice.order, invoice.customer, invoice.total)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    raise SystemExit(app.run())
