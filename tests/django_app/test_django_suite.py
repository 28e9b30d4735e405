"""The tests of Django's own Tasks, from its source distribution, run against `TasksBackend`.

DJANGO_SDIST names the archive (``pip download --no-deps --no-binary :all: django==6.0.10``). Its files are not ours and
not copied. Without it the test is skipped, but fails under CI=true.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from django_app.running import PROJECT, run
from sources import source_of


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The folder that holds the package of these tests."""
    archive = source_of("Django", "DJANGO_SDIST")
    folder = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as content:
        wanted = [one for one in content.getmembers() if one.name.startswith(f"{folder}/tests/tasks/")]
        content.extractall(tmp_path, members=wanted, filter="data")
    return tmp_path / folder / "tests"


def test_the_tests_of_djangos_tasks_pass(suite: Path, database: dict[str, str]) -> None:
    told = run(PROJECT, str(suite), program="of_django.py", **database)
    assert "Ran 71 tests in " in told, told
