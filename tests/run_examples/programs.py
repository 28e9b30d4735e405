"""Examples in processes of their own, as their docstrings say how to start them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from e2e.serving import environment

__all__ = ["EXAMPLES", "Program", "check_tests_pass", "ran"]

EXAMPLES = Path(__file__).parents[2] / "examples"


class Program:
    """A process, and the lines that it writes, which can be waited for.

    It has a buffer for its output: without one, `print` writes the parts of a line one by one, and what other threads and
    processes write to the same pipe comes between them. So the programs flush what a test waits for.

    Args:
        folder: the example's folder, in which it runs
        url: where the service is
        arguments: Python's arguments
        variables: further environment
    """

    def __init__(self, folder: str, url: str, *arguments: str, **variables: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            cwd=EXAMPLES / folder,
            env=environment(**{"PUBLISH_SUBSCRIBE_SERVICE": url, "PYTHONUNBUFFERED": "", **variables}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that `kill` ends the processes that it has started too
        )
        self.lines: list[str] = []
        self._wrote = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, count: int = 1) -> list[re.Match[str]]:
        """Wait for so many lines that contain a pattern, and return what was found in each."""

        def found() -> list[re.Match[str]]:
            return [one for line in self.lines if (one := re.search(pattern, line))]

        with self._wrote:
            assert self._wrote.wait_for(lambda: len(found()) >= count or not self._reader.is_alive(), timeout=60), (
                self.lines
            )
            matches = found()
        assert len(matches) >= count, self.lines
        return matches

    def ended(self) -> int:
        """Wait until it has ended by itself, and return its exit status."""
        return self._process.wait(timeout=60)

    def end(self) -> int:
        """Ask it to end (SIGTERM), and return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGUSR1)  # a worker writes what it runs
            self.wait_for("$never")
            raise

    def kill(self) -> None:
        """End it and what it has started, however the test ended."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._wrote:
                self.lines.append(line.rstrip("\n"))
                self._wrote.notify_all()
        with self._wrote:
            self._wrote.notify_all()


def ran(folder: str, *arguments: str, **variables: str) -> str:
    """What a program prints, which has to end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=EXAMPLES / folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_tests_pass(folder: str, file: str) -> None:
    """Run an example's own tests, without any server."""
    assert re.search(r"\d passed in", ran(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", file))
