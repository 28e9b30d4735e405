"""The emulator on both stores; every test that takes `service` or `serving` runs on each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.serving import Serving, serving_on
from e2e.wire import Wire
from pubsubclient import Service

if sys.version_info < (3, 11):
    collect_ignore = ["test_openapi.py"]  # schemathesis needs 3.11


@pytest.fixture(scope="session", params=["sqlite", "firestore"])
def store(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """Which store, and where Google's emulator is if it is that."""
    google = request.getfixturevalue("google_emulator") if request.param == "firestore" else None
    return request.param, google


@pytest.fixture(scope="session")
def shared(store: tuple[str, str | None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One emulator a store for the tests that only speak to it; they keep apart by their names."""
    running = serving_on(*store, tmp_path_factory.mktemp("shared"))
    yield running
    running.close()


@pytest.fixture
def wire(shared: Serving) -> Iterator[Wire]:
    """The wire of the shared emulator, with names of this test's own."""
    wire = Wire(shared.url)
    yield wire
    wire.close()


@pytest.fixture
def start(store: tuple[str, str | None], tmp_path: Path) -> Iterator[Callable[[], Serving]]:
    """Starts emulators over the same new store; they end with the test."""
    running: list[Serving] = []

    def start() -> Serving:
        if not running:
            running.append(serving_on(*store, tmp_path))
        else:
            running.append(running[0].another())
        return running[-1]

    yield start
    for serving in running:
        serving.close()


@pytest.fixture
def serving(start: Callable[[], Serving]) -> Serving:
    """An emulator of this test's own, over an empty store."""
    return start()


@pytest.fixture
def service(serving: Serving) -> Service:
    """The SDK's view of it."""
    return Service(serving.url)
