"""What the service takes from the process it runs in, and nothing else: time, sleep, randomness, locks, events.

The rest of ``pubsubservice`` imports neither ``threading`` nor ``time`` nor ``random``, so that the simulation can run
the very same code on a deterministic runtime.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["Event", "Runtime", "SystemRuntime"]


class Event(Protocol):
    """A one-shot flag that one thread sets and another waits for."""

    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Runtime(Protocol):
    """The process as the service sees it."""

    def monotonic(self) -> float:
        """Seconds of this process's monotonic clock."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def new_lock(self) -> AbstractContextManager[Any]:
        """A mutual exclusion lock, not reentrant."""

    def new_event(self) -> Event:
        """An event that is not set."""


#: not the one that programs seed and test
_random = random.Random()


class SystemRuntime:
    """The real process."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return _random.random()

    def new_lock(self) -> AbstractContextManager[Any]:
        return threading.Lock()

    def new_event(self) -> Event:
        return threading.Event()
