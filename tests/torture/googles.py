"""Google's Firestore emulator as a run's store: frozen now and then, and never killed, as it keeps all in memory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pubsub_emulator.google_firestore.process import start_emulator

__all__ = ["GooglesEmulator", "started"]


class GooglesEmulator:
    """It, by its address and the process id of its Java."""

    def __init__(self, address: str, pid: int) -> None:
        self.address = address
        self._pid = pid
        self.paused = False

    def pause(self) -> None:
        """Freeze it."""
        os.kill(self._pid, signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)
        self.paused = False


@contextmanager
def started() -> Iterator[GooglesEmulator]:
    """Start it; it ends with the block. Raises `NotInstalled` or `StartError` of `google_firestore.process`."""
    before = _children(os.getpid())
    with start_emulator() as address:
        [watchdog] = _children(os.getpid()) - before
        [java] = _children(watchdog)
        emulator = GooglesEmulator(address, java)
        try:
            yield emulator
        finally:
            emulator.resume()


def _children(pid: int) -> set[int]:
    """Process ids, as Linux tells them."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}
