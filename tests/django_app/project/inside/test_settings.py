"""What Django's system checks say of wrong settings; and the commands."""

from __future__ import annotations

from io import StringIO
from typing import Any
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import SimpleTestCase, TransactionTestCase, override_settings

from inside.cases import WithService
from pubsubclient.contrib.django import publish_on_commit
from pubsubclient.contrib.django.checks import check_setting
from pubsubclient.contrib.django.models import OutboxEvent
from pubsubclient.contrib.django.task_api import task_backends
from pubsubclient.contrib.django.worker import worker_app

BACKEND = "pubsubclient.contrib.django.TasksBackend"


class ChecksCase(SimpleTestCase):
    def test_what_is_wrong_is_told_in_words(self) -> None:
        cases: list[tuple[Any, str, str]] = [
            (None, "pubsub.E001", "The setting PUBSUB is missing. Expected a dictionary"),
            ([], "pubsub.E001", "The setting PUBSUB is []."),
            (
                {"NAME": "shop", "APPS": 1},
                "pubsub.E002",
                "PUBSUB has an unknown key 'APPS'. Expected NAME, APP, SERVICE",
            ),
            ({}, "pubsub.E003", "PUBSUB['NAME'] is None. A publisher's name is a string"),
            ({"NAME": "a shop"}, "pubsub.E003", "'a shop' cannot name a publisher"),
            ({"NAME": "a" * 200}, "pubsub.E003", "Expected at most 100 characters."),
            ({"NAME": "shop", "APP": "app"}, "pubsub.E004", "Expected the path of an App, for instance"),
            ({"NAME": "shop", "APP": "inside.nowhere.app"}, "pubsub.E008", "ModuleNotFoundError: No module named"),
            ({"NAME": "shop", "APP": "inside.handlers.note"}, "pubsub.E008", "Expected a pubsubclient.App; it is"),
            ({"NAME": "shop", "SERVICE": "nowhere"}, "pubsub.E005", "expected a URL that begins with http://"),
            ({"NAME": "shop", "DATABASE": "other"}, "pubsub.E006", "Expected an alias of DATABASES: default."),
            ({"NAME": "shop", "KEEP_SENT": -1}, "pubsub.E007", "PUBSUB['KEEP_SENT'] is -1."),
        ]
        for given, number, words in cases:
            with self.subTest(given), override_settings(PUBSUB=given):
                (error,) = check_setting()
                self.assertEqual(error.id, number)
                self.assertIn(words, f"{error.msg} {error.hint}")
                if number != "pubsub.E008":
                    with self.assertRaises(ImproperlyConfigured):
                        publish_on_commit("orders", 1)
        self.assertEqual(check_setting(), [])

    def test_a_database_that_cannot_hold_an_outbox(self) -> None:
        with mock.patch.object(type(connections["default"]), "vendor", "mysql"):
            (error,) = check_setting()
        self.assertIn("Expected a database of SQLite or PostgreSQL", str(error.hint))

    def test_wrong_tasks(self) -> None:
        for given, words in [
            ({"OPTIONS": {"RETRIES": 1}}, "OPTIONS: expected MAX_ATTEMPTS, BACKOFF, "),
            ({"OPTIONS": {"MAX_ATTEMPTS": "many"}}, "MAX_ATTEMPTS: expected "),
            ({"OPTIONS": {"BACKOFF": -1}}, "backoff: expected "),
            ({"QUEUES": ["a b"]}, "Queue 'a b': "),
            ({"QUEUES": ["dead"]}, "dead letters"),
        ]:
            with self.subTest(given), override_settings(TASKS={"default": {"BACKEND": BACKEND, **given}}):
                (error,) = task_backends["default"].check()
                self.assertEqual(error.id, "pubsub.E009")
                self.assertIn(words, error.hint)
        self.assertEqual(task_backends["default"].check(), [])

    @override_settings(PUBSUB={"NAME": "shop"}, TASKS={})
    def test_a_worker_of_nothing(self) -> None:
        with self.assertRaisesMessage(ImproperlyConfigured, "A worker has nothing to do"):
            worker_app()


class CommandsCase(WithService, TransactionTestCase):
    def call(self, *arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out, stderr=out)
        return out.getvalue()

    def test_the_relay_publishes_and_tells(self) -> None:
        self.assertIn("no events that the service refuses", self.call("pubsub_relay", "--failed"))
        publish_on_commit("orders", 1)
        with transaction.atomic():
            refused = publish_on_commit("orders", 2)
        OutboxEvent.objects.filter(event__contains=refused.id).update(failed="413:\n too large")
        self.assertEqual(self.call("pubsub_relay", "--once"), "published: 1\n")
        self.assertRegex(self.call("pubsub_relay", "--failed"), rf"^{refused.id}  orders  20.*  413: too large\n$")
        self.assertEqual(self.call("pubsub_relay", "--retry"), "to be tried again: 1\n")
        self.assertEqual(self.call("pubsub_relay", "--once"), "published: 1\n")

    def test_a_service_that_is_away_is_one_line(self) -> None:
        publish_on_commit("orders", 1)
        self.pubsub.fail("*", times=1_000)
        with self.assertRaises(CommandError):
            self.call("pubsub_relay", "--once")

    def test_a_workers_mistakes(self) -> None:
        for arguments, words in [
            (["--concurrency", "0"], "concurrency: expected"),
            (["--processes", "2"], "expected on the command line alone"),
            (["--reload"], "expected on the command line alone"),
        ]:
            with self.subTest(arguments), self.assertRaisesMessage(CommandError, words):
                self.call("pubsub_worker", *arguments)
