"""The emulator on both stores; every test that takes `service` or `serving` runs on each."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from e2e.serving import InThisProcess, Serving, serving_on
from e2e.wire import Wire
from pubsubclient import Service

if sys.version_info < (3, 11):
    collect_ignore = ["test_openapi.py"]  # schemathesis needs 3.11


#: what a test may ask for to be run on the service in this process, too
_WITHOUT_A_PROCESS = {"wire", "shared", "store", "request", "tmp_path_factory"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on both stores; and those that only speak to the wire on what tests of programs use."""
    if "store" not in metafunc.fixturenames:
        return
    stores = ["sqlite", "firestore"]
    given = {name for mark in metafunc.definition.iter_markers("parametrize") for name in _names(mark.args[0])}
    asked = set(inspect.signature(metafunc.function).parameters)
    if (
        not set(metafunc.fixturenames) - given - _WITHOUT_A_PROCESS
        and "shared" not in asked
        and not _wants_http(metafunc)
    ):
        stores.insert(1, "local")
    metafunc.parametrize("store", stores, indirect=True, scope="session")


def _wants_http(metafunc: pytest.Metafunc) -> bool:
    return metafunc.definition.get_closest_marker("http") is not None


def _names(given: str | Sequence[str]) -> list[str]:
    """The arguments that a parametrization gives."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """Which store, and where Google's emulator is if it is that."""
    google = request.getfixturevalue("google_emulator") if request.param == "firestore" else None
    return request.param, google


@pytest.fixture(scope="session")
def shared(
    store: tuple[str, str | None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving | InThisProcess]:
    """One emulator a store for the tests that only speak to it; they keep apart by their names."""
    running = InThisProcess() if store[0] == "local" else serving_on(*store, tmp_path_factory.mktemp("shared"))
    yield running
    running.close()


@pytest.fixture
def wire(shared: Serving | InThisProcess) -> Iterator[Wire]:
    """The wire of the shared emulator, with names of this test's own."""
    wire = Wire(shared.url, shared.adapter)
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
