"""A Django app (``INSTALLED_APPS``): events that leave with a transaction, a worker, and a backend for Django's Tasks.

It needs Django 5.2 or newer, and the setting ``PUBSUB``. Begin reading at `publishing` (what views call), `worker` (what
``manage.py pubsub_worker`` runs) and `tasks` (the backend); `settings` says what ``PUBSUB`` may hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pubsubclient.contrib.django.publishing import first_time, outbox, publish_on_commit

if TYPE_CHECKING:
    from pubsubclient.contrib.django.tasks import TaskLost, TasksBackend

__all__ = ["TaskLost", "TasksBackend", "first_time", "outbox", "publish_on_commit"]


def __getattr__(name: str) -> Any:
    """Import the backend for Tasks when it is asked for: Django 5.2 needs one more package for it."""
    if name in {"TaskLost", "TasksBackend"}:
        from pubsubclient.contrib.django import tasks  # noqa: PLC0415

        return getattr(tasks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
