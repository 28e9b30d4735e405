"""Handlers: each leaves a note."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import transaction

from inside.models import Note
from pubsubclient import App, ReceivedEvent, Retry
from pubsubclient.contrib.django import first_time

app = App("billing")


@app.handler("orders", start="earliest", backoff=0)
def note(data: int, event: ReceivedEvent) -> None:
    with transaction.atomic():
        if first_time(event):
            Note.objects.create(text=f"order {data}")
    if data < 0 and event.attempt == 1:
        raise Retry("again, though it is done")


@app.handler("letters", start="earliest")
async def note_async(data: int) -> None:
    await Note.objects.acreate(text=f"letter {data}")
    await sync_to_async(transaction.get_connection)()
