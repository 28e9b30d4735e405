"""Writes an invoice for each order, once: pubsub worker billing:app. The same worker relays the shop's outbox."""

from __future__ import annotations

from db import once, outbox, transaction

from pubsubclient import App, ReceivedEvent

app = App("billing")
app.relay(outbox)


@app.handler("orders", type="order.placed", start="earliest")
def invoice(order: dict[str, int], event: ReceivedEvent) -> None:
    with transaction() as connection:
        if once.first(connection, event):
            connection.execute("INSERT INTO invoices VALUES (?, ?)", (order["number"], order["amount"]))
            print(f"invoice {order['number']}: {order['amount']}", flush=True)
