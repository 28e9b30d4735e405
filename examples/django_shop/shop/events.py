"""Writes an invoice for each order, once, and mails it: python manage.py pubsub_worker"""

from __future__ import annotations

from django.db import transaction

from pubsubclient import App, ReceivedEvent
from pubsubclient.contrib.django import first_time

from .models import Invoice
from .tasks import mail_invoice

app = App("billing")


@app.handler("orders", type="order.placed")
def invoice(order: dict[str, int], event: ReceivedEvent) -> None:
    with transaction.atomic():
        if first_time(event):
            Invoice.objects.create(order_id=order["number"])
            mail_invoice.enqueue(order["number"])  # in the same transaction
            print(f"invoice {order['number']}", flush=True)
