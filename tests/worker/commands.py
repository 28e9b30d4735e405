"""The command, as users start it: a process that runs a module of theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from e2e.serving import environment

__all__ = ["Command"]


class Command:
    """``python -m pubsubclient.worker …`` in a directory, from construction until `wait` or `close`."""

    def __init__(self, url: str, directory: Path, *arguments: str) -> None:
        self._out, self._log = directory / "out.txt", directory / "log.txt"
        # with a buffer: without one, the parts of what two threads or processes print mix
        more = environment(PUBLISH_SUBSCRIBE_SERVICE=url, PYTHONUNBUFFERED="")
        with self._out.open("ab") as out, self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pubsubclient.worker", *arguments],
                cwd=directory,
                env=more,
                stdout=out,
                stderr=log,
            )

    @property
    def out(self) -> str:
        """What the handlers have printed."""
        return self._out.read_text()

    @property
    def log(self) -> str:
        """What the worker has logged."""
        return self._log.read_text()

    def await_that(self, condition: Callable[[], object], timeout: float = 60) -> None:
        """Wait for something that the command does."""
        give_up = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < give_up, (self.out, self.log)
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end; returns the exit status."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """End it if it has not ended, and all its children."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def is_running(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
