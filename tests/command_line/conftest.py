"""The command `pubsub`, in this process or in one of its own, beside an emulator."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from e2e.serving import Serving, environment, serving_on
from pubsubclient.cli import main

COMMAND = [sys.executable, "-m", "pubsub_emulator"]


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[Any]:
        """Its data, as --json writes it: an object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        """Its error, as --json writes it: the one line on stderr."""
        (line,) = self.err.splitlines()
        error: dict[str, Any] = json.loads(line)["error"]
        return error


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One emulator for the tests that only speak to it; they keep apart by their names."""
    serving = serving_on("sqlite", None, tmp_path_factory.mktemp("shared"))
    yield serving
    serving.close()


@pytest.fixture
def name() -> str:
    """A name of this test's own."""
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def run(
    shared: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Runs a command line in this process: nothing is on stdin, and no output is a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUBLISH_SUBSCRIBE_SERVICE", shared.url)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str, stdin: str = "") -> Ran:
        (tmp_path / "stdin").write_text(stdin)
        capsys.readouterr()
        with (tmp_path / "stdin").open() as file, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", file)
            code = main(arguments)
        return Ran(code, *capsys.readouterr())

    yield run
    from pubsubclient import configure

    configure()
    logger = logging.getLogger("pubsubclient")  # the command writes warnings to its stderr, the tests after it do not
    logger.propagate = True
    logger.handlers.clear()


def start(arguments: Sequence[str], url: str, **more: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    named = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more}
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=url, **named.pop("variables", {}))
    return subprocess.Popen([*COMMAND, *arguments], env=variables, **named)


def path_of(*folders: Path | str) -> str:
    """A search path."""
    return os.pathsep.join(map(str, folders))
