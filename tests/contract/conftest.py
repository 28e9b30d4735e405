"""The emulator on both stores, and inside the framework, for the service's side; the client's side needs none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.serving import InThisProcess, Serving, serving_on
from e2e.wire import Wire


@pytest.fixture(scope="session", params=["sqlite", "framework", "local", "firestore"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving | InThisProcess]:
    """One emulator a store, one that serves the functions as the cloud does, and what tests of programs use."""
    if request.param == "local":
        in_this_process = InThisProcess()
        yield in_this_process
        in_this_process.close()
        return
    google = request.getfixturevalue("google_emulator") if request.param == "firestore" else None
    running = serving_on(request.param, google, tmp_path_factory.mktemp("contract"))
    yield running
    running.close()


@pytest.fixture
def wire(shared: Serving | InThisProcess) -> Iterator[Wire]:
    """The wire of it, with names of this test's own."""
    wire = Wire(shared.url, shared.adapter)
    yield wire
    wire.close()
