"""Google's Pub/Sub emulator: ``BatchSettings(max_messages=1000)``, pull and acknowledge of 1,000, streaming pull."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from benchmarks.service.processes import Server, free_port
from google.cloud import pubsub_v1

__all__ = ["GooglePubSub"]

_PROJECT = "bench"


def _launcher() -> str:
    command = ["gcloud", "info", "--format=value(installation.sdk_root)"]
    root = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return str(Path(root) / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator")


class GooglePubSub:
    """A contender (see `contender`)."""

    name = "Pub/Sub emulator"

    def __init__(self) -> None:
        port = free_port()
        self._server = Server([_launcher(), "--host=127.0.0.1", f"--port={port}"], port=port)
        os.environ["PUBSUB_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        self._lone = pubsub_v1.PublisherClient(pubsub_v1.types.BatchSettings(max_messages=1))
        self._publishers: dict[int, Any] = {}
        self._subscriber = pubsub_v1.SubscriberClient()

    def _topic(self, topic: str) -> str:
        return f"projects/{_PROJECT}/topics/t{topic}"

    def _subscription(self, topic: str, number: int) -> str:
        return f"projects/{_PROJECT}/subscriptions/s{topic}-{number}"

    def open(self, topic: str, subscribers: int) -> None:
        self._lone.create_topic(name=self._topic(topic))
        for number in range(subscribers):
            self._subscriber.create_subscription(
                name=self._subscription(topic, number), topic=self._topic(topic), ack_deadline_seconds=600
            )

    def lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        taken = []
        for payload in payloads:
            started = time.perf_counter()
            self._lone.publish(self._topic(topic), payload).result()
            taken.append(time.perf_counter() - started)
        return taken

    def publish(self, topic: str, payloads: Sequence[bytes], batch: int) -> float:
        client = self._publishers.get(batch)
        if client is None:
            settings = pubsub_v1.types.BatchSettings(max_messages=batch, max_bytes=9_000_000, max_latency=0.05)
            client = self._publishers[batch] = pubsub_v1.PublisherClient(settings)
        path = self._topic(topic)
        started = time.perf_counter()
        futures: list[Future[str]] = [client.publish(path, payload) for payload in payloads]
        for future in futures:
            future.result()
        return time.perf_counter() - started

    def drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        subscription = self._subscription(topic, subscriber)
        seen: set[str] = set()
        started = time.perf_counter()
        while len(seen) < count:
            answer = self._subscriber.pull(subscription=subscription, max_messages=batch, timeout=20)
            ids = [received.ack_id for received in answer.received_messages]
            seen.update(received.message.message_id for received in answer.received_messages)
            if ids:
                self._subscriber.acknowledge(subscription=subscription, ack_ids=ids)
        return time.perf_counter() - started

    def latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        self.open(topic, 1)
        arrived: dict[int, float] = {}
        done = threading.Event()

        def receive(message: Any) -> None:
            arrived[int(message.data)] = time.perf_counter()
            message.ack()
            if len(arrived) == count:
                done.set()

        streaming = self._subscriber.subscribe(self._subscription(topic, 0), callback=receive)
        time.sleep(0.5)
        sent = {}
        for number in range(count):
            time.sleep(interval_s)
            sent[number] = time.perf_counter()
            self._lone.publish(self._topic(topic), b"%d" % number).result()
        done.wait(30)
        streaming.cancel()
        streaming.result()
        return [arrived[number] - sent[number] for number in range(count)]

    def resident_mb(self) -> float:
        return self._server.resident_mb()

    def close(self) -> None:
        for client in (self._lone, *self._publishers.values()):
            client.stop()
        self._subscriber.close()
        self._server.close()
