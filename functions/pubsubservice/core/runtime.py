"""The process as a port: monotonic time, sleep, randomness, locks, events.

The rules of the service use these instead of ``threading``, ``time`` and ``random``, so that the simulation runs the same
code on a deterministic runtime.
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
    """What the service takes from its process."""

    def monotonic(self) -> float:
        """Seconds of this process's monotonic clock."""

    def sleep(self, seconds: float) -> None:
        """Block this thread for so many seconds."""

    def random(self) -> float:
        """A number in [0, 1)."""

    def new_lock(self) -> AbstractContextManager[Any]:
        """A mutual exclusion lock, not reentrant."""

    def new_event(self) -> Event:
        """A new event, not set."""


#: the service's own generator: a program may seed the module's shared one
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
