"""Virtual environments that know nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["Environment"]

_INSTALL_TIMEOUT_S = 280


class Environment:
    """A new virtual environment in a folder, with what is installed into it."""

    def __init__(self, folder: Path, *requirements: str) -> None:
        self.folder = folder
        self._bin = folder / "venv" / "bin"
        run = [sys.executable, "-m", "venv", str(folder / "venv")]
        subprocess.run(run, check=True, timeout=_INSTALL_TIMEOUT_S, env=self.variables())
        self.run("python", "-m", "pip", "install", "--quiet", *requirements, timeout_s=_INSTALL_TIMEOUT_S)

    def variables(self, **more: str) -> dict[str, str]:
        """The environment without what leads back to the checkout or to a service, and `more`."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "FIRESTORE", "GOOGLE_", "PUBLISH_", "PUBSUB_", "VIRTUAL_ENV"))
        }
        return {**kept, **more}

    def run(self, program: str, *arguments: str, timeout_s: float = 60, **more: str) -> str:
        """What a program prints on stdout; fails with its stderr if it does not exit with 0."""
        ended = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            env=self.variables(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @contextmanager
    def running(self, program: str, *arguments: str, ready: str, **more: str) -> Iterator[str]:
        """Run a program until the end of the block; gives what follows `ready` in the line that has it."""
        with subprocess.Popen(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            env=self.variables(**more),
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
