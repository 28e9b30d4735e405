"""Ships what was charged, each customer's orders in turn: python shipping.py"""

from __future__ import annotations

import asyncio

from messages import Invoice, invoices
from pubsubclient import App

app = App("shipping")


@app.handler(invoices, ordered=True, lane=lambda event: event.data["customer"])
async def ship(invoice: Invoice) -> None:
    """Pack and send; many at the same time."""
    await asyncio.sleep(0.01)
    print(f"shipped order {invoice.order} to {invoice.customer} for {invoice.total}", flush=True)


if __name__ == "__main__":
    raise SystemExit(app.run())
