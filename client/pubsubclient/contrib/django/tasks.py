"""A backend for Django's Tasks: enqueued in a transaction, run by workers with retries, failed ones are dead letters."""

from __future__ import annotations

from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from pubsubclient import App, Pause, PubSubError, ReceivedEvent, Reject
from pubsubclient._core.arguments import check_count
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.names import check_topic
from pubsubclient.contrib.django import task_records
from pubsubclient.contrib.django.publishing import publish_on_commit
from pubsubclient.contrib.django.settings import current
from pubsubclient.contrib.django.task_api import (
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskContext,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    normalize_json,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from pubsubclient.contrib.django.task_states import TaskLost, told_state

__all__ = ["TaskLost", "TasksBackend", "task_backends"]

#: the types of the events: of plain functions, and of ``async def`` ones
_PLAIN, _ASYNC = "django.task", "django.task.async"
_MAX_DELAY = timedelta(days=1)
_MAX_ATTEMPTS = 5
#: the dead letters of a backend are in the topic that a queue of this name would have
_RESERVED_QUEUE = "dead"
#: the options, and the arguments of `App.handler` that they are
_OPTIONS = {
    "MAX_ATTEMPTS": "max_attempts",
    "BACKOFF": "backoff",
    "ACK_DEADLINE": "ack_deadline",
    "TIMEOUT": "timeout",
    "CONCURRENCY": "concurrency",
}


class TasksBackend(BaseTaskBackend):
    """``TASKS = {"default": {"BACKEND": "pubsubclient.contrib.django.TasksBackend"}}``.

    ``manage.py pubsub_worker`` runs what is enqueued. ``OPTIONS``: ``MAX_ATTEMPTS`` (5), ``BACKOFF``, ``ACK_DEADLINE``,
    ``TIMEOUT`` (seconds) and ``CONCURRENCY``, which mean what they mean for `App.handler`.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = False

    # -- names

    @property
    def subscriber(self) -> str:
        """The subscriber's name: ``shop.tasks``, or for the backend ``mail`` ``shop.tasks-mail``."""
        return f"{current().name}.tasks" + ("" if self.alias == "default" else f"-{self.alias}")

    def topic(self, queue: str) -> str:
        """Return the topic of a queue: ``shop.tasks.default``."""
        return f"{self.subscriber}.{queue}"

    # -- Django's interface

    def check(self, **_: Any) -> list[checks.CheckMessage]:
        """Return what is wrong with ``QUEUES`` and ``OPTIONS``: ``pubsub.E009``."""
        try:
            self.declare(App("check"))
        except ImproperlyConfigured:
            return []  # the check of PUBSUB tells it
        except (PubSubError, InvalidTask, TypeError) as error:
            return [checks.Error(f"TASKS[{self.alias!r}] is wrong.", hint=str(error), id="pubsub.E009")]
        return []

    def validate_task(self, task: Task) -> None:
        """Raise InvalidTask for what cannot be enqueued: also more than 24 hours ahead, or a queue that names no topic."""
        super().validate_task(task)
        self._check_queue(task.queue_name)
        if task.run_after is not None and task.run_after - timezone.now() > _MAX_DELAY:
            raise InvalidTask("run_after: expected at most 24 hours from now.")

    def enqueue(self, task: Task, args: Any, kwargs: Any) -> TaskResult:
        """Enqueue a task in the current transaction: it runs once that is committed, and never if it is rolled back.

        Raises:
            InvalidTask: the task cannot be run by this backend
            TypeError, ValueError: the arguments cannot be written as JSON
            InvalidArgument: the arguments are larger than an event can be
        """
        self.validate_task(task)
        try:
            _found(task.module_path)
        except ImportError as error:
            raise InvalidTask(f"A worker would not find the task by its function's name: {error}") from error
        now = timezone.now()
        result = TaskResult(
            task=task,
            id=str(uuid4()),
            status=TaskResultStatus.READY,
            enqueued_at=now,
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        delay_s = 0.0 if task.run_after is None else (task.run_after - now).total_seconds()
        data = {"task": task.module_path, "queue": task.queue_name, "args": result.args, "kwargs": result.kwargs}
        with transaction.atomic(using=current().database):
            publish_on_commit(
                self.topic(task.queue_name),
                data,
                id=result.id,
                subject=result.id,  # an event that is redriven has another id, and the same subject
                type=_ASYNC if iscoroutinefunction(task.func) else _PLAIN,
                delay=delay_s if delay_s > 0 else None,
            )
            task_records.add(result, result.id)
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult:
        """Return what is known of a task. Of one that is not finished the service tells whether it is still to come.

        Raises:
            TaskResultDoesNotExist: there is no such task, or its row was deleted as old
            PubSubError: the service cannot be reached, or refuses
            ImportError: the task's function is not there any more
        """
        row = task_records.load(result_id, self.alias)
        if row is None:
            raise TaskResultDoesNotExist(result_id)
        reason = ""
        if row.status not in {TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED}:
            status, reason = told_state(row, self.subscriber, self.topic(row.queue))
            # a worker may have finished it between the two looks
            row = task_records.load(result_id, self.alias) or row
            if row.status not in {TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED}:
                row.status = status
            else:
                reason = ""
        if reason:
            lost = TaskLost(reason)
            lost.__module__ = "pubsubclient.contrib.django"
            row.finished = row.last_attempted
            task_records.add_error(row, lost)
        return task_records.result_of(row, self._task(row.path, row.queue, row.run_after))

    # -- what workers run

    def declare(self, app: App) -> None:
        """Declare the handlers of this backend's tasks. Raises InvalidArgument, InvalidTask and ConfigurationError."""
        unknown = [option for option in self.options if option not in _OPTIONS]
        if unknown:
            raise InvalidArgument(f"OPTIONS: expected {', '.join(_OPTIONS)}; got {', '.join(map(str, unknown))}.")
        settings: Any = {"max_attempts": self._max_attempts}
        settings |= {_OPTIONS[name]: value for name, value in self.options.items()}
        for queue in self.queues:
            self._check_queue(queue)
        for topic in sorted(map(self.topic, self.queues)) or [self.topic(">")]:
            for type_, run in ((_PLAIN, self.run_task), (_ASYNC, self.run_async_task)):
                app.handler(topic, type=type_, subscriber=self.subscriber, start="earliest", **settings)(run)

    def run_task(self, event: ReceivedEvent) -> None:
        """Run the task of an event, and write down what became of it."""
        if (attempt := self._begin(event)) is None:
            return
        row, result = attempt
        try:
            value = normalize_json(result.task.call(*_arguments(result), **result.kwargs))
        except BaseException as error:
            self._fail(row, event, error)
            raise
        self._succeed(row, value)

    async def run_async_task(self, event: ReceivedEvent) -> None:
        """Do the same in an event loop."""
        if (attempt := await sync_to_async(self._begin)(event)) is None:
            return
        row, result = attempt
        try:
            value = normalize_json(await result.task.acall(*_arguments(result), **result.kwargs))
        except Exception as error:
            await sync_to_async(self._fail)(row, event, error)
            raise
        await sync_to_async(self._succeed)(row, value)

    def _begin(self, event: ReceivedEvent) -> tuple[Any, TaskResult] | None:
        """Write down that an attempt begins; None if the task has succeeded before. Raises Reject if it cannot be run."""
        data, result_id = event.data, event.subject
        if not (isinstance(data, dict) and result_id and {"task", "queue", "args", "kwargs"} <= data.keys()):
            raise Reject("the event is no task")
        row = task_records.begin(result_id, self.alias, data, event)
        if row is None:
            return None
        try:
            task = self._task(row.path, row.queue, row.run_after)
        except Exception as error:  # the program's own modules, or its settings
            rejected = Reject(f"the task cannot be run: {type(error).__name__}: {error}")
            task_records.write_failure(row, rejected, last=True)
            raise rejected from error
        result = task_records.result_of(row, task)
        task_started.send(type(self), task_result=result)
        return row, result

    def _succeed(self, row: Any, value: object) -> None:
        task_records.write_success(row, value)
        self._tell_finished(row)

    def _fail(self, row: Any, event: ReceivedEvent, error: BaseException) -> None:
        if isinstance(error, Pause):
            task_records.give_back(row)
        elif not isinstance(error, KeyboardInterrupt | GeneratorExit):
            last = isinstance(error, Reject) or event.attempt >= self._max_attempts
            task_records.write_failure(row, error, last=last)
            if last:
                self._tell_finished(row)

    def _tell_finished(self, row: Any) -> None:
        result = task_records.result_of(row, self._task(row.path, row.queue, row.run_after))
        task_finished.send(type(self), task_result=result)

    # -- parts

    @property
    def _max_attempts(self) -> int:
        return check_count("MAX_ATTEMPTS", self.options.get("MAX_ATTEMPTS", _MAX_ATTEMPTS), 1)

    def _task(self, path: str, queue: str, run_after: Any) -> Task:
        """Return the task of a function, as it was enqueued. Raises ImportError or InvalidTask."""
        task = _found(path)
        enqueued = {"backend": self.alias, "queue_name": queue, "run_after": run_after}
        changes = {name: value for name, value in enqueued.items() if getattr(task, name) != value}
        return task.using(**changes) if changes else task

    def _check_queue(self, queue: str) -> None:
        if queue == _RESERVED_QUEUE:
            raise InvalidTask(f"Queue {queue!r}: expected another name; the topic of this one is that of dead letters.")
        try:
            check_topic(self.topic(queue))
        except InvalidArgument as error:
            raise InvalidTask(f"Queue {queue!r}: {error}") from error


def _arguments(result: TaskResult) -> list[Any]:
    return [TaskContext(task_result=result), *result.args] if result.task.takes_context else result.args


def _found(path: str) -> Task:
    """Return the task that a module has under its function's name. Raises ImportError."""
    task = import_string(path)
    if not isinstance(task, Task):
        raise ImportError(f"{path} is no task.")  # noqa: TRY004 - as if it were not there
    return task
