"""A clock that tests move on."""

from __future__ import annotations

import threading
import time

from pubsubclient._core.clock import Clock

__all__ = ["Moved", "Stood"]


class Moved(Clock):
    """A clock that is ahead of the real one, and further ahead after each sleep, which takes no time."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        return time.monotonic() + self.ahead_s

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        self.ahead_s += seconds
        _rest()


class Stood(Clock):
    """A clock that only sleeps move on, which take no time: what a loaded machine takes does not count."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:  # type: ignore[override]
        return self.seconds

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        self.seconds += seconds
        _rest()


def _rest() -> None:
    """Let a thread that a test has left, and that tries something again for ever, not keep the machine busy."""
    if threading.current_thread() is not threading.main_thread():
        time.sleep(0.05)
