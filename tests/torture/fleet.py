"""The processes of a run: started, killed, frozen, started again; none is left over, and no other is ever touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

__all__ = ["Fleet", "Function", "Process", "end_all"]

_READY_S = 40.0
_LOOK_S = 0.05


class Process:
    """One process, over its lives; each of them adds to the same history file.

    Args:
        name: its name in the history
        module: what it runs
        arguments: for that; ``--history`` and ``--parent`` are added, and for a client ``--seed`` and ``--incarnation``
        directory: of the run
        seed: of a client's chances; None for others
    """

    def __init__(
        self, name: str, module: str, arguments: Iterable[str], directory: Path, seed: int | None = None
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", f"torture.{module}", *arguments]
        self._directory = directory
        self._seed = seed
        self._lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.paused = False

    @property
    def running(self) -> bool:
        """Whether it lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Begin a life."""
        of_life: list[str] = []
        if self._seed is not None:
            of_life = ["--incarnation", str(self._lives), "--seed", str(self._seed * 1_000 + self._lives)]
        self._lives += 1
        history = self._directory / f"{self.name}.jsonl"
        command = [*self._command, "--history", str(history), "--parent", str(os.getpid()), *of_life]
        with (self._directory / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(), start_new_session=True
            )

    def kill(self) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)
        self.paused = False
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Freeze it."""
        self._signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)
        self.paused = False

    def ask_to_end(self) -> None:
        """Ask it to end, also if it is frozen."""
        self.resume()
        self._signal(signal.SIGTERM)

    def await_end(self, timeout_s: float) -> bool:
        """Wait for its end; killed, and False, if that does not come."""
        try:
            if self._process is not None:
                self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def last_words(self) -> str:
        """The end of what it wrote to its standard error."""
        lines = (self._directory / f"{self.name}.log").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-4:])

    def signal(self, number: int) -> None:
        """Send it a signal, which it handles itself."""
        self._signal(number)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


class Function(Process):
    """A function process; `port` is where it serves, once it does."""

    def __init__(self, name: str, arguments: Iterable[str], directory: Path) -> None:
        self._port_file = directory / f"{name}.port"
        super().__init__(name, "serve", [*arguments, "--port-file", str(self._port_file)], directory)

    @property
    def port(self) -> int | None:
        """Where it serves; None while it starts."""
        try:
            return int(self._port_file.read_text())
        except FileNotFoundError:
            return None

    def start(self) -> None:
        """Begin a life, at another port."""
        self._port_file.unlink(missing_ok=True)
        super().start()


def end_all(processes: Sequence[Process], timeout_s: float) -> list[str]:
    """Ask processes to end; returns the names of those that had to be killed after a while."""
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + timeout_s
    return [process.name for process in processes if not process.await_end(max(0.0, deadline - time.monotonic()))]


class Fleet:
    """All processes of a run; whatever still runs at the end of the ``with`` is killed."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.publishers: list[Process] = []
        self.consumers: list[Process] = []
        self.others: list[Process] = []

    @property
    def all(self) -> list[Process]:
        return [*self.functions, *self.publishers, *self.consumers, *self.others]

    def ports(self) -> list[int]:
        """Where functions serve now."""
        return [port for function in self.functions if (port := function.port) is not None]

    def await_functions(self) -> None:
        """Wait until all functions serve. Raises TimeoutError, or RuntimeError if one ended."""
        deadline = time.monotonic() + _READY_S
        while any(function.port is None for function in self.functions):
            for function in self.functions:
                if not function.running:
                    raise RuntimeError(f"{function.name} ended at its start: {function.last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the functions did not serve within {_READY_S:.0f} s")
            time.sleep(_LOOK_S)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.all:
            process.kill()


def _environment() -> dict[str, str]:
    """What processes get: what this one can import, and no service or store found by chance."""
    left_out = {"PUBLISH_SUBSCRIBE_SERVICE", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
