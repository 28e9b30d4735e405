"""The stores behind the port; every test that takes `store` runs on each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pubsubservice.storage.port import Store
from stores.started import Started


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for the address opens the store more than once, so it does not run on the store in memory."""
    if "store_url" in metafunc.fixturenames:
        opens = "store_url" in inspect.signature(metafunc.function).parameters
        stores = ["sqlite", "firestore"] if opens else ["sqlite", "memory", "firestore"]
        metafunc.parametrize("store_url", stores, indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store of this test's own, for `stores.opening.open_store`, here or in another process."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'store.sqlite3'}"
    if request.param == "memory":
        return "memory:"
    # a project id of its own: what Google's emulator isolates (another database id it does not)
    return f"firestore:{request.getfixturevalue('google_emulator')}/test-{uuid4().hex[:12]}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store."""
    from stores.opening import open_store

    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def started() -> Iterator[Started]:
    """Other processes, which end with the test."""
    processes = Started()
    yield processes
    processes.close()
