"""A service for tests of workers, and workers that end with their test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from e2e.serving import Serving
from pubsubclient import Event, Publisher, ReceivedEvent, Service, Subscriber
from pubsubclient._worker.handler import Consumer
from pubsubclient._worker.worker import Worker
from worker.functions import worker_of


@pytest.fixture
def service(serving: Serving) -> Service:
    return Service(serving.url)


@pytest.fixture
def name() -> str:
    """A name of this test's own, for its topic and its subscriber."""
    return f"w-{uuid4().hex[:12]}"


@pytest.fixture
def publish(service: Service, name: str) -> Callable[..., list[str]]:
    """Publishes so many events with their numbers as data; returns their ids."""

    def publish(count: int, **members: object) -> list[str]:
        events = [Event(name, n, **members) for n in range(count)]  # type: ignore[arg-type]
        return [receipt.id for receipt in Publisher("shop", service=service).publish(events)]

    return publish


@pytest.fixture
def subscriber(service: Service, name: str) -> Iterator[Subscriber]:
    with Subscriber(name, service=service) as subscriber:
        yield subscriber


@pytest.fixture
def start(service: Service) -> Iterator[Callable[..., Worker]]:
    """Starts workers, which are stopped after the test."""
    workers: list[Worker] = []

    def start(*consumers: Consumer, **options: object) -> Worker:
        worker = worker_of(service, *consumers, **options)
        workers.append(worker)
        worker.start()
        return worker

    yield start
    for worker in workers:
        worker.stop()
    for worker in workers:
        if not worker.join(60):
            worker.stop()
            assert worker.join(60)


class Seen:
    """What a handler has seen, and a way to wait for it."""

    def __init__(self) -> None:
        self._more = threading.Condition()
        self.events: list[ReceivedEvent] = []

    def add(self, event: ReceivedEvent) -> None:
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait_for(self, count: int, timeout: float = 60) -> list[ReceivedEvent]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.events) >= count, timeout), len(self.events)
            return list(self.events)

    @property
    def runs(self) -> list[tuple[object, int]]:
        """Data and attempt of all runs, in order."""
        return [(event.data, event.attempt) for event in self.events]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def program(tmp_path: Path, serving: Serving) -> Callable[[str], Path]:
    """Writes a module of the user's, in a directory of its own."""

    def write(text: str, file: str = "shop.py") -> Path:
        path = tmp_path / file
        path.write_text(text)
        return path

    return write
