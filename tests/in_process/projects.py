"""Projects of users, whose tests pytest runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from e2e.serving import environment

__all__ = ["Project"]

_MODULE = "pubsub_emulator.pytest_plugin"


class Project:
    """A project with tests, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, name: str, text: str) -> None:
        (self._directory / name).write_text(text)

    def run(self, *arguments: str, plugins: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run its tests, with our plugin and these, and all warnings errors."""
        loaded = [argument for name in (_MODULE, *plugins) for argument in ("-p", name)]
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *loaded, *arguments]
        more = environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        return subprocess.run(
            command, cwd=self._directory, env=more, capture_output=True, text=True, timeout=240, check=False
        )
