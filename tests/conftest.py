"""What several folders of tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from e2e.serving import Serving

# Hypothesis fails a test whose examples take longer than 200 ms, as any does now and then on a busy machine. Under CI=true it
# has no such deadline.
settings.register_profile("any machine", settings.default, deadline=None)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """On Python 3.10 Google's libraries warn, when imported, that theirs is the last version for it."""
    config.addinivalue_line("filterwarnings", "ignore:You are using a non-supported Python version:FutureWarning")


@pytest.fixture(autouse=True)
def outside_of_calls() -> Iterator[None]:
    """Leave this thread outside of the client's calls: a test that raises at any line may do so where a call ends."""
    yield
    if (call := sys.modules.get("pubsubclient._http.call")) is not None:
        vars(call._local).clear()


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """An emulator in a process of its own, one for all tests that only speak to it: they keep apart by their names."""
    from e2e.serving import serving_on

    running = serving_on("sqlite", None, tmp_path_factory.mktemp("serving"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def google_emulator() -> Iterator[str]:
    """The address (host:port) of Google's Firestore emulator, one for all tests.

    It isolates by project id: take a fresh one per test. FIRESTORE_EMULATOR_HOST names one that runs already.
    Where it is not installed the tests are skipped, but fail under CI=true.
    """
    from pubsub_emulator.google_firestore.process import NotInstalled, start_emulator

    running = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if running:
        yield running
        return
    try:
        with start_emulator() as address:
            yield address
    except NotInstalled as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(str(absent))
        pytest.skip(str(absent))


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need Google's Firestore emulator, and run those that use gRPC in this process last.

    Once in some ten runs, a waitress served in the same process after them found a file descriptor of its own closed. The
    cause is not known; in programs of ours gRPC and waitress begin together, and nothing of the kind was seen.
    """
    for item in items:
        if _needs_google(item):
            item.add_marker("google")
    items.sort(key=lambda item: "unit/google" in item.nodeid or "stores/" in item.nodeid)


def _needs_google(item: pytest.Item) -> bool:
    """Tests ask for the emulator by its fixture, or by a parameter of a fixture that asks for it then."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "google_emulator" in getattr(item, "fixturenames", ()) or "firestore" in parameters
