"""The shop of examples/django_shop with its server and workers: files change, and connections are shut."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from django_app.running import SHOP, run
from e2e.serving import Serving, serving_on
from run_examples.programs import Program

#: what Django's users read when a worker goes on with a connection that is shut
_SHUT = re.compile(r"already closed|connection is closed|attempt \d+ failed: (?:OperationalError|InterfaceError)")


@pytest.fixture
def shop(tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, whose files may be touched, over an empty database."""
    copy = tmp_path / "django_shop"
    shutil.copytree(SHOP, copy, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))
    for name, value in database.items():
        monkeypatch.setenv(name, value)
    run(copy, "migrate")
    return copy


@pytest.fixture
def start(shop: Path, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts commands of `manage.py`, which end with the test."""
    serving: Serving = serving_on("sqlite", None, tmp_path)
    running: list[Program] = []

    def start(*arguments: str, **variables: str) -> Program:
        running.append(Program(str(shop), serving.url, "manage.py", *arguments, **variables))
        return running[-1]

    yield start
    for program in running:
        try:
            program.end()  # `runserver` ends the process that it has started
        finally:
            program.kill()
    serving.close()


def test_connections_are_never_used_after_their_end(
    start: Callable[..., Program], shop: Path, database: dict[str, str]
) -> None:
    """With four workers, or one that starts again when a file changes; the server does so always."""
    is_postgres = "PGHOST" in database
    web = start("runserver", "0", PYTHONUNBUFFERED="1")  # it does not flush its address
    worker = start("pubsub_worker", *(("--processes", "4") if is_postgres else ("--reload",)))
    place(web, 1, 1, 2)
    mailed(worker, 2)
    if is_postgres:
        shut_all_connections()
    else:
        worker.wait_for("Worker of .*: started")
    (shop / "shop" / "urls.py").touch()
    place(web, 2, 3, 4)
    if not is_postgres:
        worker.wait_for("Worker of .*: started", 2)
    place(web, 2, 5)
    mailed(worker, 5)
    assert worker.end() == 0
    assert not [line for line in (*worker.lines, *web.lines) if _SHUT.search(line)]


def place(web: Program, starts: int, *numbers: int) -> None:
    """Place orders once the server has started so many times."""
    address = web.wait_for(r"server at (http://127\.0\.0\.1:[1-9]\d*)", starts)[-1][1]
    for number in numbers:
        answer = requests.post(f"{address}/orders", data={"number": number, "amount": 5}, timeout=60)
        assert answer.status_code == 201, answer.text


def mailed(worker: Program, count: int) -> None:
    """Wait until so many invoices are mailed, and each once."""
    numbers = [int(line[1]) for line in worker.wait_for(r"^mailed invoice (\d+)$", count)]
    assert sorted(numbers) == list(range(1, count + 1))


def shut_all_connections() -> None:
    """As a restart of the server, or a firewall, would."""
    address = f"host={os.environ['PGHOST']} user=postgres dbname={os.environ['PGDATABASE']}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
