"""`TasksBackend` in place of Django's own two backends."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import async_to_sync

from pubsubclient import App
from pubsubclient.contrib.django import TasksBackend, outbox
from pubsubclient.contrib.django.connections import Connections
from pubsubclient.contrib.django.models import OutboxEvent, TaskRecord
from pubsubclient.contrib.django.task_api import Task, TaskResult
from pubsubclient.testing import local

__all__ = ["AtOnce", "Waiting"]


class AtOnce(TasksBackend):
    """Runs what is enqueued at once, as a worker does, and once only."""

    _max_attempts = 1

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        result = super().enqueue(task, args, kwargs)
        # `worker_app` would take in all of TASKS, where the tests have a backend that cannot be imported
        connections = Connections()
        app = App("at-once", lifespan=connections.lifespan)
        app.around(connections.around)
        self.declare(app)
        with local() as pubsub:
            outbox().relay().run_once()
            if iscoroutinefunction(task.func):  # by asgiref, because callers may be asynchronous too
                async_to_sync(pubsub.adeliver)(app, errors="keep")
            else:
                pubsub.deliver(app, errors="keep")
            result.refresh()
        return result


class Waiting(TasksBackend):
    """Runs nothing, and can list and forget what was enqueued."""

    @property
    def results(self) -> list[TaskResult]:
        return [self.get_result(row.pk) for row in TaskRecord.objects.order_by("enqueued")]

    def clear(self) -> None:
        OutboxEvent.objects.all().delete()
        TaskRecord.objects.all().delete()
