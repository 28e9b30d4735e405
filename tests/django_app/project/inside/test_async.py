"""Django's test cases that are ``async def``."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.test import TestCase

from inside import tasks
from inside.cases import WithService
from pubsubclient.contrib.django.testing import publish_pending
from pubsubclient.contrib.django.worker import worker_app


class AsyncCase(WithService, TestCase):
    async def test_an_async_task_is_awaited_in_the_tests_loop(self) -> None:
        result = await tasks.add_async.aenqueue(1, 2)
        await sync_to_async(publish_pending)()
        await self.pubsub.adeliver(worker_app())
        await result.arefresh()
        self.assertEqual(result.return_value, {"sum": 3})

    async def test_a_plain_task_runs_outside_of_it(self) -> None:
        result = await tasks.add.aenqueue(1, 2)
        await sync_to_async(publish_pending)()
        await sync_to_async(self.pubsub.deliver)(worker_app())
        await result.arefresh()
        self.assertEqual(result.return_value, 3)
