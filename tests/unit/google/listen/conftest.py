"""A Firestore that is listened to, and stores over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pubsubservice.storage.firestore.store import FirestoreStore
    from unit.google.listen.server import Listening
    from unit.google.listen.waiting import Waits

# Google's libraries are imported late: see the conftest.py above.


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attach counts as failed because the machine is busy."""
    from pubsubservice.storage.firestore import listen
    from unit.google.listen.waiting import LONG_S

    monkeypatch.setattr(listen, "ATTACH_S", LONG_S)


@pytest.fixture
def server() -> Iterator[Listening]:
    from unit.google.listen.server import Listening

    fake = Listening()
    yield fake
    fake.close()


@pytest.fixture
def stepped(server: Listening) -> Iterator[FirestoreStore]:
    """A store whose time does not pass by itself."""
    from unit.google.listen.waiting import SteppedRuntime, cloud_store

    opened = cloud_store(server, SteppedRuntime())
    yield opened
    opened.close()


@pytest.fixture
def store(server: Listening) -> Iterator[FirestoreStore]:
    from unit.google.listen.waiting import cloud_store

    opened = cloud_store(server)
    yield opened
    opened.close()


@pytest.fixture
def waits(store: FirestoreStore) -> Iterator[Waits]:
    from unit.google.listen.waiting import Waits

    started = Waits(store)
    yield started
    store.end_waits()
    started.close()
