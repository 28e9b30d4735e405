"""A Firestore that answers as told, and a store over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pubsubservice.storage.firestore.store import FirestoreStore
    from unit.google.fakes import FakeFirestore, QuickRuntime

# Google's libraries are imported late: on Python 3.10 they warn, and only after this file is read may they.


@pytest.fixture
def server() -> Iterator[FakeFirestore]:
    from unit.google.fakes import FakeFirestore

    fake = FakeFirestore()
    yield fake
    fake.close()


@pytest.fixture
def runtime() -> QuickRuntime:
    from unit.google.fakes import QuickRuntime

    return QuickRuntime()


@pytest.fixture
def store(server: FakeFirestore, runtime: QuickRuntime) -> Iterator[FirestoreStore]:
    from pubsubservice.storage.firestore.store import FirestoreStore
    from unit.google.fakes import PROJECT

    opened = FirestoreStore(PROJECT, emulator=server.address, runtime=runtime)
    yield opened
    opened.close()
