"""Django's Tasks on `TasksBackend`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from inside import tasks
from inside.cases import WithService
from pubsubclient import InvalidArgument, Subscriber, Unavailable
from pubsubclient.contrib.django import TaskLost, outbox
from pubsubclient.contrib.django.models import OutboxEvent, TaskRecord
from pubsubclient.contrib.django.pruning import prune
from pubsubclient.contrib.django.task_api import (
    InvalidTask,
    Task,
    TaskResultDoesNotExist,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from pubsubclient.contrib.django.testing import publish_pending

SUBSCRIBER, TOPIC = "shop.tasks", "shop.tasks.default"


class TasksCase(WithService, TestCase):
    def setUp(self) -> None:
        super().setUp()
        tasks.switch.clear()

    def test_a_task_runs_once_and_its_value_is_kept(self) -> None:
        for task, value in ((tasks.add, 5), (tasks.add_async, {"sum": 5})):
            result = task.enqueue(2, b=3)
            self.assertEqual((result.status, result.attempts, result.is_finished), ("READY", 0, False))
            with self.assertRaisesMessage(ValueError, "Task has not finished yet"):
                _ = result.return_value
            (run,) = self.deliver()
            self.assertEqual((run.outcome, run.event.topic, run.event.subject), ("ack", TOPIC, result.id))
            result.refresh()
            self.assertEqual((result.status, result.return_value, result.attempts), ("SUCCESSFUL", value, 1))
            self.assertEqual((result.args, result.kwargs), ([2], {"b": 3}))
            self.assertEqual(result.task, task)
            assert result.started_at is not None
            self.assertLessEqual(result.enqueued_at, result.started_at)
            self.assertLessEqual(result.started_at, result.finished_at)
            self.assertEqual(task.get_result(result.id), result)
        self.assertEqual(self.notes(), ["add 2 3", "add 2 3"])

    def test_asynchronous_callers(self) -> None:
        @async_to_sync
        async def view() -> Any:
            return await tasks.add_async.aenqueue(1, 2)

        result = view()
        self.deliver()
        async_to_sync(result.arefresh)()
        self.assertEqual(result.return_value, {"sum": 3})

    def test_a_flaky_task_succeeds_at_its_third_attempt(self) -> None:
        result = tasks.flaky.enqueue(3)
        runs = self.deliver(until="settled")
        self.assertEqual([(run.attempt, run.outcome) for run in runs], [(1, "retry"), (2, "retry"), (3, "ack")])
        result.refresh()
        self.assertEqual((result.status, result.return_value, result.attempts), ("SUCCESSFUL", 3, 3))
        self.assertEqual([error.exception_class for error in result.errors], [ValueError, ValueError])
        self.assertIn("ValueError: attempt 2", result.errors[1].traceback)
        self.assertEqual(self.notes(), ["attempt 1", "attempt 2", "attempt 3"])

    def test_one_that_always_fails_is_a_dead_letter_and_a_redrive_runs_it_again(self) -> None:
        tasks.switch["down"] = True
        result = tasks.mail.enqueue("hello")
        self.deliver()
        result.refresh()
        self.assertEqual((result.status, result.is_finished), ("READY", False))  # between two attempts
        self.deliver(until="settled")
        result.refresh()
        self.assertEqual((result.status, result.attempts, len(result.errors)), ("FAILED", 3, 3))
        self.assertEqual(result.errors[-1].exception_class, ConnectionError)
        with self.assertRaisesMessage(ValueError, "Task failed"):
            _ = result.return_value
        (letter,) = self.pubsub.dead_letters(SUBSCRIBER)
        self.assertEqual((letter.reason, letter.id), ("ConnectionError: the mail server is down", result.id))
        tasks.switch.clear()
        Subscriber(SUBSCRIBER).redrive("shop.tasks.mail")
        self.deliver()
        result.refresh()
        self.assertEqual((result.status, result.return_value, result.attempts), ("SUCCESSFUL", "hello", 4))

    def test_a_rejected_task_has_failed_at_once(self) -> None:
        result = tasks.refuse.enqueue()
        (run,) = self.deliver(until="settled")
        result.refresh()
        self.assertEqual((run.outcome, result.status), ("reject", "FAILED"))

    def test_a_paused_attempt_does_not_count(self) -> None:
        tasks.switch["pause"] = True
        result = tasks.pause.enqueue()
        self.deliver()
        result.refresh()
        self.assertEqual((result.status, result.attempts), ("READY", 0))
        self.deliver(until="settled")
        result.refresh()
        self.assertEqual((result.return_value, result.attempts, result.errors), ("done", 1, []))

    def test_what_is_no_json_is_refused(self) -> None:
        with self.assertRaises(TypeError):
            tasks.add.enqueue(object(), 1)
        with self.assertRaises(InvalidArgument):
            tasks.mail.enqueue("x" * 1_000_000)
        self.assertEqual((TaskRecord.objects.count(), OutboxEvent.objects.count()), (0, 0))
        result = tasks.unwritable.enqueue()
        self.deliver(until="settled")
        result.refresh()
        self.assertEqual((result.status, result.errors[-1].exception_class), ("FAILED", TypeError))

    def test_later(self) -> None:
        result = tasks.add.using(run_after=timezone.now() + timedelta(hours=23)).enqueue(1, 1)
        self.assertEqual(self.deliver(), [])
        self.pubsub.advance(23 * 3600 - 60)
        self.assertEqual(self.deliver(), [])
        result.refresh()
        self.assertEqual(result.status, "READY")
        self.pubsub.advance(60)
        self.deliver()
        result.refresh()
        self.assertEqual(result.return_value, 2)
        self.assertEqual(tasks.add.using(run_after=timezone.now() - timedelta(days=2)).enqueue(1, 1).status, "READY")
        with self.assertRaisesMessage(InvalidTask, "run_after: expected at most 24 hours from now"):
            tasks.add.using(run_after=timezone.now() + timedelta(hours=25))

    def test_what_is_not_supported_is_refused(self) -> None:
        backend = task_backends["default"]
        flags = (backend.supports_defer, backend.supports_async_task, backend.supports_get_result)
        self.assertEqual((*flags, backend.supports_priority), (True, True, True, False))
        with self.assertRaisesMessage(InvalidTask, "priority"):
            tasks.add.using(priority=5)
        with self.assertRaisesMessage(InvalidTask, "Queue 'other' is not valid"):
            tasks.add.using(queue_name="other")
        plain = Task(func=tasks.no_task, priority=0, backend="default", queue_name="default", run_after=None)
        with self.assertRaisesMessage(InvalidTask, "inside.tasks.no_task is no task"):
            plain.enqueue()

    def test_no_other_backends_results(self) -> None:
        with self.assertRaises(TaskResultDoesNotExist):
            tasks.add.get_result("123")

    def test_signals_tell(self) -> None:
        told: list[str] = []

        def hear(name: str) -> Any:
            return lambda task_result, **_: told.append(f"{name} {task_result.status} {task_result.attempts}")

        hearing = [
            (task_enqueued, hear("enqueued")),
            (task_started, hear("started")),
            (task_finished, hear("finished")),
        ]
        for signal, receiver in hearing:
            signal.connect(receiver)
            self.addCleanup(signal.disconnect, receiver)
        tasks.flaky.enqueue(2)
        self.deliver(until="settled")
        self.assertEqual(told, ["enqueued READY 0", "started RUNNING 1", "started RUNNING 2", "finished SUCCESSFUL 2"])

    def test_an_event_that_is_no_task_is_a_dead_letter(self) -> None:
        result = tasks.add.enqueue(1, 2)
        event = OutboxEvent.objects.get()
        event.event = event.event.replace("inside.tasks.add", "inside.tasks.no_task")
        event.save()
        TaskRecord.objects.update(path="inside.tasks.no_task")
        self.pubsub.publish(TOPIC, {"task": 1}, type="django.task")
        self.deliver(until="settled")
        reasons = [letter.reason for letter in self.pubsub.dead_letters(SUBSCRIBER)]
        self.assertEqual(
            sorted(reasons),
            ["the event is no task", "the task cannot be run: ImportError: inside.tasks.no_task is no task."],
        )
        TaskRecord.objects.update(path="inside.tasks.add")
        result.refresh()
        self.assertEqual(result.status, "FAILED")


class WithoutAnOutcomeCase(WithService, TestCase):
    """What the service alone can tell."""

    def lease(self, ack_deadline: float = 30) -> Any:
        """Receive a task, and be killed."""
        publish_pending()
        subscriber = Subscriber(SUBSCRIBER)
        subscriber.subscribe(TOPIC, start="earliest", max_attempts=1, ack_deadline=ack_deadline)
        (event,) = subscriber.get_events()
        return event

    def test_a_task_that_runs(self) -> None:
        result = tasks.add.enqueue(1, 2)
        event = self.lease()
        result.refresh()
        self.assertEqual(result.status, "READY")  # a worker has it, and has not begun
        TaskRecord.objects.update(status="RUNNING", sequence=event.sequence, attempt=1, workers='["w"]')
        result.refresh()
        self.assertEqual((result.status, result.worker_ids), ("RUNNING", ["w"]))

    def test_a_task_whose_worker_was_killed_at_the_last_attempt(self) -> None:
        result = tasks.add.enqueue(1, 2)
        event = self.lease()
        TaskRecord.objects.update(status="RUNNING", sequence=event.sequence, attempt=1, last_attempted=timezone.now())
        self.pubsub.advance(31)
        Subscriber(SUBSCRIBER).get_events()
        result.refresh()
        self.assertEqual((result.status, result.errors[0].exception_class), ("FAILED", TaskLost))
        self.assertIsNotNone(result.finished_at)

    def test_a_task_that_the_service_refuses(self) -> None:
        result = tasks.add.enqueue(1, 2)
        OutboxEvent.objects.update(failed="too large")
        result.refresh()
        self.assertEqual(result.status, "FAILED")
        self.assertIn("too large", result.errors[0].traceback)

    def test_a_task_that_has_succeeded_is_not_run_again(self) -> None:
        """Its worker was killed between the row and the acknowledgement."""
        result = tasks.add.enqueue(1, 2)
        TaskRecord.objects.update(status="SUCCESSFUL", return_value="3")
        (run,) = self.deliver()
        self.assertEqual((run.outcome, self.notes()), ("ack", []))
        result.refresh()
        self.assertEqual(result.return_value, 3)

    def test_old_rows_are_deleted_and_their_tasks_run(self) -> None:
        result = tasks.add.enqueue(1, 2)
        self.assertEqual(prune(), 0)
        with override_settings(PUBSUB={"NAME": "shop", "KEEP_RESULTS": 0}):
            self.assertEqual(prune(), 1)
        with self.assertRaises(TaskResultDoesNotExist):
            result.refresh()
        self.deliver()
        result.refresh()
        self.assertEqual(result.return_value, 3)

    def test_a_service_that_is_away_is_told(self) -> None:
        result = tasks.add.enqueue(1, 2)
        self.pubsub.fail("*", times=1_000)
        with self.assertRaises(Unavailable):
            result.refresh()


class TransactionsCase(WithService, TransactionTestCase):
    def test_a_task_of_a_transaction_that_was_rolled_back_never_runs(self) -> None:
        for number in range(4):
            try:
                with transaction.atomic():
                    result = tasks.add.enqueue(number, 0)
                    if number % 2:
                        raise KeyError
            except KeyError:
                with self.assertRaises(TaskResultDoesNotExist):
                    result.refresh()
        self.assertEqual(outbox().relay().run_once(), 2)
        self.deliver(until="settled")
        self.assertEqual(self.notes(), ["add 0 0", "add 2 0"])

    @override_settings(
        TASKS={
            "default": {"BACKEND": "pubsubclient.contrib.django.TasksBackend", "QUEUES": []},
            "slow": {"BACKEND": "pubsubclient.contrib.django.TasksBackend", "OPTIONS": {"MAX_ATTEMPTS": 1}},
        }
    )
    def test_backends_and_queues_are_apart(self) -> None:
        any_queue = tasks.add.using(queue_name="new").enqueue(1, 1)
        slow = tasks.flaky.using(backend="slow").enqueue(3)
        runs = self.deliver(until="settled")
        self.assertEqual({run.event.topic for run in runs}, {"shop.tasks.new", "shop.tasks-slow.default"})
        any_queue.refresh()
        slow.refresh()
        self.assertEqual((any_queue.return_value, slow.status), (2, "FAILED"))
        with self.assertRaisesMessage(InvalidTask, "the topic of this one is that of dead letters"):
            tasks.add.using(queue_name="dead")
