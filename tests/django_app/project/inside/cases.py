"""What the test cases share."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from inside.models import Note
from pubsubclient.contrib.django.testing import publish_pending
from pubsubclient.contrib.django.worker import worker_app
from pubsubclient.testing import Delivery, Local, local


class WithService:
    """A service of its own for each test."""

    pubsub: Local

    def setUp(self) -> None:
        stack = ExitStack()
        self.addCleanup(stack.close)  # type: ignore[attr-defined]
        self.pubsub = stack.enter_context(local())

    def deliver(self, **options: Any) -> list[Delivery]:
        """Publish what is added, and run handlers and tasks."""
        publish_pending()
        return self.pubsub.deliver(worker_app(), **{"errors": "keep", **options})

    def notes(self) -> list[str]:
        return [note.text for note in Note.objects.order_by("pk")]
