"""The rows of Tasks: written when a task is enqueued, and by workers at the begin and end of each attempt."""

from __future__ import annotations

import json
import os
import platform
from traceback import format_exception
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from pubsubclient._events.received import ReceivedEvent
from pubsubclient.contrib.django.models import TaskRecord
from pubsubclient.contrib.django.settings import current
from pubsubclient.contrib.django.task_api import Task, TaskError, TaskResult, TaskResultStatus

__all__ = ["add", "add_error", "begin", "give_back", "load", "result_of", "write_failure", "write_success"]

#: the longest traceback that is kept, characters, and how many are kept
_MAX_TRACEBACK = 20_000
_MAX_ERRORS = 10


def add(result: TaskResult, event_id: str) -> None:
    """Write down an enqueued task."""
    task = result.task
    _rows().create(
        id=event_id,
        backend=result.backend,
        path=task.module_path,
        queue=task.queue_name,
        arguments=json.dumps({"args": result.args, "kwargs": result.kwargs}),
        run_after=task.run_after,
        status=result.status,
        enqueued=result.enqueued_at,
        changed=result.enqueued_at,
    )


def load(result_id: object, backend: str) -> TaskRecord | None:
    """Return the row of a task; None if there is none."""
    row: TaskRecord | None = _rows().filter(pk=str(result_id), backend=backend).first()
    return row


def begin(result_id: str, backend: str, data: dict[str, Any], event: ReceivedEvent) -> TaskRecord | None:
    """Write down that an attempt begins, and return the row; None if the task has succeeded before.

    A row that was deleted as old is made anew.
    """
    now = timezone.now()
    made = {
        "backend": backend,
        "path": data["task"],
        "queue": data["queue"],
        "arguments": json.dumps({"args": data["args"], "kwargs": data["kwargs"]}),
        "status": TaskResultStatus.READY,
        "enqueued": now,
        "changed": now,
    }
    row: TaskRecord = _rows().get_or_create(pk=result_id, defaults=made)[0]
    if row.status == TaskResultStatus.SUCCESSFUL:
        return None
    row.status = TaskResultStatus.RUNNING
    row.started = row.started or now
    row.last_attempted, row.finished = now, None
    row.sequence, row.attempt = event.sequence, event.attempt
    row.workers = json.dumps([*json.loads(row.workers), _worker()])
    return row if _save(row) else None


def give_back(row: TaskRecord) -> None:
    """Write down that the attempt did not take place: it was paused."""
    row.status = TaskResultStatus.READY
    row.workers = json.dumps(json.loads(row.workers)[:-1])
    _save(row)


def write_success(row: TaskRecord, value: object) -> None:
    """Write down what the task returned: JSON."""
    row.status, row.finished = TaskResultStatus.SUCCESSFUL, timezone.now()
    row.return_value = json.dumps(value)
    _save(row)


def write_failure(row: TaskRecord, error: BaseException, *, last: bool) -> None:
    """Write down that an attempt has failed; the task has, if it was the last one."""
    now = timezone.now()
    row.status, row.finished = (TaskResultStatus.FAILED, now) if last else (TaskResultStatus.READY, None)
    add_error(row, error)
    _save(row)


def add_error(row: TaskRecord, error: BaseException) -> None:
    """Add an exception to the row, which is not written."""
    kind = type(error)
    told = {
        "exception_class_path": f"{kind.__module__}.{kind.__qualname__}",
        "traceback": "".join(format_exception(error))[-_MAX_TRACEBACK:],
    }
    row.errors = json.dumps([*json.loads(row.errors), told][-_MAX_ERRORS:])


def result_of(row: TaskRecord, task: Task) -> TaskResult:
    """Return what Django's Tasks know of a task, as its row has it."""
    arguments = json.loads(row.arguments)
    result = TaskResult(
        task=task,
        id=row.pk,
        status=TaskResultStatus(row.status),
        enqueued_at=row.enqueued,
        started_at=row.started,
        finished_at=row.finished,
        last_attempted_at=row.last_attempted,
        args=arguments["args"],
        kwargs=arguments["kwargs"],
        backend=row.backend,
        errors=[TaskError(**error) for error in json.loads(row.errors)],
        worker_ids=json.loads(row.workers),
    )
    object.__setattr__(result, "_return_value", json.loads(row.return_value))  # as Django's own backends set it
    return result


def _save(row: TaskRecord) -> bool:
    """Write the row, unless another attempt has succeeded meanwhile; returns whether it was written."""
    row.changed = timezone.now()
    unfinished = _rows().filter(pk=row.pk).exclude(status=TaskResultStatus.SUCCESSFUL)
    changes = {name: getattr(row, name) for name in _CHANGING}
    return bool(unfinished.update(**changes))


#: what changes after a task was enqueued
_CHANGING = (
    "status",
    "started",
    "last_attempted",
    "finished",
    "changed",
    "workers",
    "errors",
    "return_value",
    "sequence",
    "attempt",
)


def _rows() -> QuerySet[TaskRecord]:
    return TaskRecord.objects.using(current().database)


def _worker() -> str:
    """Name this process, as Tasks list the workers of their attempts."""
    return f"{platform.node()[:40]}-{os.getpid()}"
