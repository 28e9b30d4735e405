"""Databases for the tests of the outbox, and a service whose clock they move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox.postgres import Postgres, server_programs
from outbox.stores import DATABASES
from pubsubclient.testing import Local, local


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server, one for all tests of this process."""
    server = Postgres(server_programs())
    yield server
    server.close()


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: a path for SQLite, or ``host=…`` for a schema of PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "shop.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.schema()


@pytest.fixture
def pubsub() -> Iterator[Local]:
    """The service, which is the default one."""
    with local() as running:
        yield running
