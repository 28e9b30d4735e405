"""Databases for projects of Django, which run in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from outbox.conftest import postgres
from outbox.postgres import Postgres
from outbox.stores import DATABASES

__all__ = ["postgres"]

#: Django's own test cases, which run in processes of their own
collect_ignore = ["project"]


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty database, as the environment tells the projects of it."""
    if request.param == "sqlite":
        return {"DB": str(tmp_path / "site.db"), "SHOP_DB": str(tmp_path / "shop.db")}
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
