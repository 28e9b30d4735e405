"""An emulator for the examples, and the programs that a test starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.serving import Serving, serving_on
from run_examples.programs import Program


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Serving]:
    """An emulator over an empty store."""
    serving = serving_on("sqlite", None, tmp_path)
    yield serving
    serving.close()


@pytest.fixture
def start(emulator: Serving) -> Iterator[Callable[..., Program]]:
    """Starts programs, which end with the test."""
    running: list[Program] = []

    def start(folder: str, *arguments: str) -> Program:
        running.append(Program(folder, emulator.url, *arguments))
        return running[-1]

    yield start
    for program in running:
        program.kill()
