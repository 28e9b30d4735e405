"""Databases for projects of Django, which run in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox.postgres import Postgres, server_programs
from outbox.stores import DATABASES

#: Django's own test cases, which run in processes of their own
collect_ignore = ["project"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server, one for all tests of this process."""
    server = Postgres(server_programs())
    yield server
    server.close()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty database, as the environment tells the projects of it."""
    if request.param == "sqlite":
        return {"DB": str(tmp_path / "site.db"), "SHOP_DB": str(tmp_path / "shop.db")}
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
