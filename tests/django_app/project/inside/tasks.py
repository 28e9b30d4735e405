"""Tasks of all kinds."""

from __future__ import annotations

from typing import Any

from inside.models import Note
from pubsubclient import Pause, Reject

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

#: what `refuse` and `pause` do
switch: dict[str, Any] = {}


@task
def add(a: int, b: int) -> int:
    Note.objects.create(text=f"add {a} {b}")
    return a + b


@task
async def add_async(a: int, b: int) -> dict[str, int]:
    await Note.objects.acreate(text=f"add {a} {b}")
    return {"sum": a + b}


@task(takes_context=True)
def flaky(context: Any, until: int) -> int:
    Note.objects.create(text=f"attempt {context.attempt}")
    if context.attempt < until:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@task(queue_name="mail")
def mail(text: str) -> str:
    if switch.get("down"):
        raise ConnectionError("the mail server is down")
    return text


@task
def refuse() -> None:
    raise Reject("never")


@task
def pause() -> str:
    if switch.pop("pause", False):
        raise Pause(60, "not now")
    return "done"


@task
def unwritable() -> object:
    return object()


def no_task() -> None:
    """Not decorated."""
