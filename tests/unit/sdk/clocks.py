"""A clock that tests move on."""

from __future__ import annotations

import threading
import time

from pubsubclient._core.clock import Clock

__all__ = ["Moved"]


class Moved(Clock):
    """A clock that is ahead of the real one, and further ahead after each sleep, which takes no time."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        return time.monotonic() + self.ahead_s

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        self.ahead_s += seconds
