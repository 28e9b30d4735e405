"""The test cases of Django's own kind, in processes of their own: of the tests' project, and of the example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from django_app.running import PROJECT, SHOP, run


@pytest.mark.parametrize(("project", "app"), [(PROJECT, "inside"), (SHOP, "shop")])
def test_the_test_cases_pass(project: Path, app: str, database: dict[str, str]) -> None:
    told = run(project, "test", app, **database)
    assert re.search(r"Ran \d+ tests in ", told), told
    assert "skipped" not in told


def test_the_migrations_are_those_of_the_models() -> None:
    for project in (PROJECT, SHOP):
        assert "No changes detected" in run(project, "makemigrations", "--check", "--dry-run")


def test_the_tables_are_those_that_the_outbox_makes(database: dict[str, str]) -> None:
    """And they can be taken away again."""
    told = run(PROJECT, "sqlmigrate", "pubsub", "0001", **database)
    assert "CREATE TABLE IF NOT EXISTS pubsub_outbox (seq " in told
    assert ("xid8" in told) == ("PGHOST" in database)
    run(PROJECT, "migrate", **database)
    run(PROJECT, "migrate", "pubsub", "zero", **database)
    run(PROJECT, "migrate", **database)
