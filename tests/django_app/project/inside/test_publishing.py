"""Events in transactions of Django."""

from __future__ import annotations

import asyncio

from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError
from django.test import TestCase, TransactionTestCase, override_settings

from inside.cases import WithService
from inside.models import Note
from pubsubclient import Event, InvalidArgument, Subscriber
from pubsubclient.contrib.django import first_time, outbox, publish_on_commit
from pubsubclient.contrib.django.connections import refresh
from pubsubclient.contrib.django.models import OutboxEvent, ProcessedEvent
from pubsubclient.contrib.django.pruning import prune
from pubsubclient.contrib.django.testing import publish_pending


class CommittedCase(WithService, TransactionTestCase):
    """Transactions are committed, and a real relay publishes."""

    def test_events_share_the_transaction(self) -> None:
        for number in range(3):
            try:
                with transaction.atomic():
                    Note.objects.create(text=str(number))
                    event = publish_on_commit("orders", number, type="order.placed")
                    self.assertEqual(event.type, "order.placed")
                    if number == 1:
                        raise KeyError
            except KeyError:
                pass
        self.assertEqual(outbox().relay().run_once(), 2)
        self.assertEqual([event.data for event in self.pubsub.published("orders")], [0, 2])
        self.assertEqual(self.notes(), ["0", "2"])

    def test_savepoints_take_their_events_with_them(self) -> None:
        with transaction.atomic():
            publish_on_commit("orders", 1)
            try:
                with transaction.atomic():
                    publish_on_commit("orders", 2)
                    raise KeyError
            except KeyError:
                publish_on_commit(Event("orders", 3))
        outbox().relay().run_once()
        self.assertEqual([event.data for event in self.pubsub.published("orders")], [1, 3])

    def test_outside_of_a_transaction_it_is_committed_at_once(self) -> None:
        publish_on_commit("orders", 1)
        self.assertFalse(connection.in_atomic_block)
        self.assertEqual(outbox().relay().run_once(), 1)

    def test_a_refused_argument_leaves_the_transaction_whole(self) -> None:
        with transaction.atomic():
            with self.assertRaises(InvalidArgument):
                publish_on_commit("orders", "x" * 1_000_000)
            publish_on_commit("orders", 1)
        self.assertEqual(outbox().relay().run_once(), 1)

    def test_nothing_is_added_to_a_broken_transaction(self) -> None:
        with transaction.atomic():
            transaction.set_rollback(True)
            with self.assertRaises(transaction.TransactionManagementError):
                publish_on_commit("orders", 1)

    def test_the_drivers_errors_are_djangos(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE pubsub_outbox RENAME TO elsewhere")
        try:
            with self.assertRaises(DatabaseError):
                publish_on_commit("orders", 1)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE elsewhere RENAME TO pubsub_outbox")

    def test_in_an_event_loop_djangos_error_tells(self) -> None:
        async def view() -> None:
            publish_on_commit("orders", 1)

        with self.assertRaises(SynchronousOnlyOperation):
            asyncio.run(view())

    def test_effects_happen_once_and_are_forgotten(self) -> None:
        for number in (-1, 2):
            publish_on_commit("orders", number)
        runs = self.deliver()
        self.assertEqual(sorted(run.attempt for run in runs), [1, 1, 2])
        self.assertEqual(self.notes(), ["order -1", "order 2"])
        self.assertEqual(ProcessedEvent.objects.count(), 2)
        self.assertEqual(prune(), 0)
        with override_settings(PUBSUB={"NAME": "shop", "KEEP_PROCESSED": 0}):
            self.assertEqual(prune(), 2)

    def test_first_time_wants_a_transaction(self) -> None:
        self.pubsub.publish("orders", 1)
        subscriber = Subscriber("other")
        subscriber.subscribe("orders", start="earliest")
        (event,) = subscriber.get_events()
        with self.assertRaisesMessage(transaction.TransactionManagementError, "with transaction.atomic()"):
            first_time(event)

    def test_asynchronous_handlers_use_the_database(self) -> None:
        for number in range(3):
            publish_on_commit("letters", number)
        self.deliver()
        self.assertEqual(sorted(self.notes()), [f"letter {number}" for number in range(3)])

    def test_published_rows_are_deleted(self) -> None:
        with override_settings(PUBSUB={"NAME": "shop", "KEEP_SENT": 0}):
            publish_on_commit("orders", 1)
            outbox().relay().run_once()
        self.assertEqual(OutboxEvent.objects.count(), 0)

    def test_a_shut_connection_is_opened_again(self) -> None:
        """Though its age is not limited, and no query has met the end of it."""
        Note.objects.create(text="before")
        own = connections["default"]
        if own.vendor == "postgresql":
            with own.copy().cursor() as other:
                other.execute("SELECT pg_terminate_backend(%s)", [own.connection.info.backend_pid])
        else:
            own.close()
        refresh()
        publish_on_commit("orders", 1)
        self.assertEqual(self.notes(), ["before"])


class UncommittedCase(WithService, TestCase):
    """Django rolls each test's transaction back."""

    def test_on_commit_hooks_are_not_needed(self) -> None:
        with self.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
            publish_on_commit("orders", 1)
        self.assertEqual(callbacks, [])
        self.deliver()
        self.assertEqual(self.notes(), ["order 1"])

    def test_hooks_of_the_program_may_publish(self) -> None:
        with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
            transaction.on_commit(lambda: publish_on_commit("orders", 2))
            publish_on_commit("orders", 1)
        self.deliver()
        self.assertEqual(self.notes(), ["order 1", "order 2"])

    def test_without_them_too(self) -> None:
        with transaction.atomic():
            publish_on_commit("orders", 1, delay=60)
        self.assertEqual(publish_pending(), 1)
        self.assertEqual(publish_pending(), 0)
        self.assertEqual(self.deliver(), [])
        self.pubsub.advance(60)
        self.deliver()
        self.assertEqual(self.notes(), ["order 1"])
