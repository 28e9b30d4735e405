"""A PostgreSQL server of the tests' own: Debian's, on a socket in a folder of its own, under a user without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

__all__ = ["Postgres", "server_programs"]

_TIMEOUT_S = 120
#: what a killed server would lose is not what these tests are about
_QUICK = "-c fsync=off -c full_page_writes=off -c listen_addresses=''"


def server_programs() -> Path:
    """The folder of the server's programs, of the newest version. Without them tests are skipped; with CI=true they fail."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not servers:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("PostgreSQL is needed: make postgres")
    return servers[-1].parent


class Postgres:
    """A server over an empty cluster, until `close`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pubsub-pg-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self._folder, "postgres", "postgres")
        self._data = self._folder / "data"
        self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", f"--log={log}", "-o", f"{_QUICK} -k {self._folder}")

    def schema(self) -> str:
        """Make an empty schema; returns what psycopg connects to. It is also the name of the sessions there."""
        name = f"test_{uuid4().hex[:12]}"
        address = f"host={self._folder} user=postgres dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{address} options=-csearch_path={name} application_name={name}"

    def database(self) -> dict[str, str]:
        """Make an empty database; returns the variables that tell libpq of it."""
        name = f"test_{uuid4().hex[:12]}"
        with psycopg.connect(f"host={self._folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return {"PGHOST": str(self._folder), "PGUSER": "postgres", "PGDATABASE": name}

    def close(self) -> None:
        """End the server, and delete what it kept."""
        self._run("pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._data}", *arguments]
        output = self._folder / "output"  # a file: the server that pg_ctl starts would keep a pipe open
        with output.open("wb") as written:
            done = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=written, stderr=written, cwd="/", timeout=_TIMEOUT_S,
                **self._user,
            )  # fmt: skip
        assert done.returncode == 0, output.read_text()
