"""Other processes of a test."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

__all__ = ["Started"]

_SPAWN = multiprocessing.get_context("spawn")


class Started:
    """Processes that end with the test (the fixture `started`)."""

    def __init__(self) -> None:
        self._processes: list[SpawnProcess] = []

    def start(self, target: object, *args: object) -> tuple[SpawnProcess, Connection]:
        """Run a function of `stores.workers`; its last argument is the other end of the pipe returned."""
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=target, args=(*args, theirs))  # type: ignore[arg-type]
        process.start()
        theirs.close()
        self._processes.append(process)
        return process, ours

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            process.kill()
            process.join()
            process.close()
