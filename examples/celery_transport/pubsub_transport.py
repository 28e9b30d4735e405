"""A transport for Celery (kombu): `broker_url="pubsub://"`. A queue is a topic, and a subscriber of the same name.

Leases say who has a message. A thread extends them while a task runs; what a killed worker had comes again when they end.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime, timezone
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual

from pubsubclient import Publisher, PubSubError, ReceivedEvent, Subscriber, Unavailable

TRANSPORT_ALIASES["pubsub"] = f"{__name__}:Transport"


class Channel(virtual.Channel):
    """Messages of queues: `put` publishes an event, `get` leases one."""

    do_restore = False  # the service gives again what was not acknowledged
    supports_fanout = False

    def __init__(self, connection: Transport, **options: Any) -> None:
        super().__init__(connection, **options)
        defaults = {"ack_deadline": 30, "max_attempts": 5, "start": "earliest"}
        self._settings: dict[str, Any] = {**defaults, **connection.client.transport_options}
        self._subscribers: dict[str, Subscriber] = {}
        self._held: dict[str, ReceivedEvent] = {}
        self._closing = threading.Event()
        threading.Thread(target=self._extend_leases, daemon=True).start()

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Publish a message; one with an `eta` is delivered then, so that no worker has to keep it."""
        eta = message["headers"].get("eta")
        wait = (datetime.fromisoformat(eta) - datetime.now(timezone.utc)).total_seconds() if eta else 0
        self.connection.publisher.publish(
            queue, message, type=message["headers"].get("task"), delay=max(0, wait) or None
        )

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002 - as kombu calls it
        if queue not in self._subscribers:
            self._subscribers[queue] = Subscriber(queue)
            self._subscribers[queue].subscribe(queue, **self._settings)
        events = self._subscribers[queue].fetch(max_events=1, wait=1)
        if not events:
            raise Empty
        message: dict[str, Any] = events[0].data
        self._held[message["properties"]["delivery_tag"]] = events[0]
        return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002 - as kombu calls it
        super().basic_ack(delivery_tag, multiple)
        self._held.pop(delivery_tag).ack()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Give a message back, or make it a dead letter."""
        super().basic_ack(delivery_tag)
        event = self._held.pop(delivery_tag)
        event.release() if requeue else event.nack(reason="rejected", dead=True)

    def _purge(self, queue: str) -> int:
        Subscriber(queue).seek(queue, "latest")
        return 0

    def close(self) -> None:
        """Give back what no task has begun."""
        self._closing.set()
        while self._held:
            self._held.popitem()[1].release()
        super().close()

    def _extend_leases(self) -> None:
        deadline = self._settings["ack_deadline"]
        while not self._closing.wait(deadline / 3):
            for event in list(self._held.values()):
                with suppress(PubSubError):  # in an outage: the next turn tries again, as does the task's ack
                    event.extend(deadline)


class Transport(virtual.Transport):
    """Finds the service as every program of the SDK does."""

    Channel = Channel
    polling_interval = None  # a `get` waits by itself
    driver_type = driver_name = "pubsub"
    connection_errors = (*virtual.Transport.connection_errors, Unavailable)

    def driver_version(self) -> str:
        return "1"

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.publisher = Publisher("celery")
