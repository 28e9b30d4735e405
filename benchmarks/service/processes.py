"""Servers as processes: started, waited for, looked at, and ended."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["ROOT", "Server", "free_port", "scratch", "wait_until"]

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scratch() -> Path:
    """A new directory, removed at the end of the process."""
    directory = Path(tempfile.mkdtemp(prefix="pubsub-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


class Server:
    """A process with children, from construction until `close`.

    Args:
        command: what to run
        ready: part of a line that it prints when it serves; None to wait for `port`
        port: where it will listen
    """

    def __init__(
        self, command: Sequence[str], *, ready: str | None = None, port: int = 0, more: Mapping[str, str] | None = None
    ) -> None:
        started = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE if ready else self._log,
            stderr=self._log,
            env={**environment, **(more or {})},
            start_new_session=True,
        )
        #: the line that says it is ready
        self.line = ""
        try:
            if ready:
                self.line = self._await_line(ready)
            else:
                wait_until(lambda: _listens(port), 60)
        except BaseException:
            self.close()
            raise
        #: seconds from its start
        self.ready_s = time.perf_counter() - started

    def _await_line(self, ready: str) -> str:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode()
            if ready in line:
                return line.strip()
        self._log.seek(0)
        raise RuntimeError(f"{self._process.args} ended: {self._log.read().decode()[-2000:]}")

    def resident_mb(self) -> float:
        """Memory of the process and its children."""
        return sum(int(status.partition("VmRSS:")[2].split()[0]) for status in self._of_all("status")) / 1024

    def cpu_s(self) -> float:
        """CPU time that the process and its children have taken so far."""
        ticks = 0
        for stat in self._of_all("stat"):
            user, system = stat.rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
        return ticks / os.sysconf("SC_CLK_TCK")

    def _of_all(self, what: str) -> Iterator[str]:
        """A file of /proc, of each process of the group."""
        for path in Path("/proc").glob(f"[0-9]*/{what}"):
            with suppress(OSError):  # it has just ended
                if os.getpgid(int(path.parent.name)) == self._process.pid:
                    yield path.read_text()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, its children too."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        with suppress(ProcessLookupError):  # what hangs, and children that outlive it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


def wait_until(true: Callable[[], bool], timeout_s: float) -> None:
    """Wait for a condition; raises TimeoutError."""
    give_up = time.perf_counter() + timeout_s
    while not true():
        if time.perf_counter() > give_up:
            raise TimeoutError(f"not within {timeout_s} s")
        time.sleep(0.005)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
