"""The wheel, built once, and environments with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .environments import Environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that PUBSUB_WHEEL names, or one built from this checkout."""
    built = os.environ.get("PUBSUB_WHEEL")
    if built:
        return Path(built)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=280, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install pubsubclient` makes."""
    return Environment(tmp_path_factory.mktemp("plain"), str(wheel))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install 'pubsubclient[emulator]'` makes."""
    return Environment(tmp_path_factory.mktemp("installed"), f"{wheel}[emulator]")


@pytest.fixture
def emulator(installed: Environment) -> Iterator[str]:
    """The URL of the installed `pubsub emulator`, over an empty store."""
    with installed.running("pubsub", "emulator", "--port", "0", "--ephemeral", ready="pubsub emulator ready: ") as url:
        yield url
