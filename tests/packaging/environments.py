"""Virtual environments that know nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["Environment", "clean_variables"]

_INSTALL_TIMEOUT_S = 280


def clean_variables() -> dict[str, str]:
    """The environment without what leads back to the checkout or to a service."""
    led = ("PYTHON", "FIRESTORE", "GOOGLE_", "PUBLISH_", "PUBSUB_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(led)}


class Environment:
    """A new virtual environment in a folder, with what is installed into it."""

    def __init__(self, folder: Path, *requirements: str, with_pip: bool = True) -> None:
        self.folder = folder
        self._bin = folder / "venv" / "bin"
        run = [sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), str(folder / "venv")]
        subprocess.run(run, check=True, timeout=_INSTALL_TIMEOUT_S, env=clean_variables())
        self.install(*requirements)

    def install(self, *requirements: str) -> None:
        """As `pip install` does, by the pip of these tests."""
        python = str(self._bin / "python")
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *requirements]
        subprocess.run(command, check=True, timeout=_INSTALL_TIMEOUT_S, cwd=self.folder, env=clean_variables())

    def fails(self, program: str, *arguments: str) -> str:
        """What a program prints on stderr that exits with 2."""
        ended = self._run(program, arguments, 60)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        return ended.stderr

    def run(self, program: str, *arguments: str, timeout_s: float = 60, **more: str) -> str:
        """What a program prints on stdout; fails with its stderr if it does not exit with 0."""
        ended = self._run(program, arguments, timeout_s, **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def _run(
        self, program: str, arguments: tuple[str, ...], timeout_s: float, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            env={**clean_variables(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @contextmanager
    def running(self, program: str, *arguments: str, ready: str, **more: str) -> Iterator[str]:
        """Run a program until the end of the block; gives what follows `ready` in the line that has it."""
        with subprocess.Popen(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            env={**clean_variables(), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                yield _wait_for(ready, process.stdout)
            finally:
                process.terminate()


def _wait_for(ready: str, output: IO[str]) -> str:
    lines = []
    for line in output:
        lines.append(line)
        if ready in line:
            return line.partition(ready)[2].strip()
    raise AssertionError(f"it ended without {ready!r}: {''.join(lines)}")
