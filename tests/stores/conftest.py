"""The two stores behind the port; every test that takes `store` runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pubsubservice.storage.port import Store
from stores.started import Started


@pytest.fixture(params=["sqlite", "firestore"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store of this test's own, for `stores.opening.open_store`, here or in another process."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'store.sqlite3'}"
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
