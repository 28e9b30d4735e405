"""Tests of the shop: python manage.py test. Without a server, and with hooks of on_commit or without."""

from __future__ import annotations

from django.test import TestCase, TransactionTestCase

from pubsubclient.contrib.django import outbox
from pubsubclient.contrib.django.testing import publish_pending
from pubsubclient.contrib.django.worker import worker_app
from pubsubclient.testing import local

from .models import Invoice, Order


class OrderTest(TestCase):
    """Each test is a transaction that is rolled back."""

    def test_an_order_gets_an_invoice_which_is_mailed(self) -> None:
        with local() as pubsub:
            self.client.post("/orders", {"number": 1, "amount": 5})
            publish_pending()
            pubsub.deliver(worker_app())  # the invoice, and the task in its transaction
            publish_pending()
            runs = pubsub.deliver(worker_app(), until="settled", errors="keep")
        self.assertEqual([run.outcome for run in runs], ["retry", "ack"])
        self.assertEqual(list(Invoice.objects.values_list("order", "mailed")), [(1, True)])

    def test_hooks_of_on_commit_may_run(self) -> None:
        with local() as pubsub, self.captureOnCommitCallbacks(execute=True):
            self.client.post("/orders", {"number": 1, "amount": 5})
            self.assertEqual(publish_pending(), 1)
            self.assertEqual([event.data for event in pubsub.published("orders")], [{"number": 1}])

    def test_an_order_that_is_sold_out_has_no_event(self) -> None:
        with local():
            self.assertEqual(self.client.post("/orders", {"number": 1, "amount": 500}).status_code, 409)
            self.assertEqual((publish_pending(), Order.objects.count()), (0, 0))


class RelayTest(TransactionTestCase):
    """Transactions are committed, and the relay is the real one."""

    def test_orders_leave_by_the_relay(self) -> None:
        with local() as pubsub:
            for number, amount in ((1, 5), (2, 500), (3, 7)):
                self.client.post("/orders", {"number": number, "amount": amount})
            self.assertEqual(outbox().relay().run_once(), 2)
            self.assertEqual([event.data["number"] for event in pubsub.published("orders")], [1, 3])
