"""A Firestore that answers as told, and a store over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsubservice.firestore import FirestoreStore
from unit.google.fakes import PROJECT, FakeFirestore, QuickRuntime


@pytest.fixture
def server() -> Iterator[FakeFirestore]:
    fake = FakeFirestore()
    yield fake
    fake.close()


@pytest.fixture
def runtime() -> QuickRuntime:
    return QuickRuntime()


@pytest.fixture
def store(server: FakeFirestore, runtime: QuickRuntime) -> Iterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT, emulator=server.address, runtime=runtime)
    yield opened
    opened.close()
