"""What the SDK takes from its process, for processes of the simulation: time, threads, locks, exit handlers.

Whoever is no actor of the world, as the threads that other tests have left, gets the real things.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pubsubclient._core.at_exit import Holder
from pubsubclient._core.at_exit import settle_at_exit as really_settle_at_exit
from pubsubclient._core.clock import Clock

from .scheduler import Actor, Scheduler, SimLock

if TYPE_CHECKING:
    from .processes import Process

__all__ = ["Local", "Secrets", "Threads", "Time", "settling_at_exit"]

#: a wait without an end, seconds
_FOR_EVER_S = 1e6
#: tells the process of the actor whose turn it is; None for anybody else
Whose = Callable[[], "Process | None"]


class Time(Clock):
    """Stands for the clock of a service."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose

    def monotonic(self) -> float:  # type: ignore[override]
        process = self._whose()
        return time.monotonic() if process is None else process.monotonic()

    def sleep(self, seconds: float, until: Any = None) -> None:
        process = self._whose()
        if process is None or until is not None:
            super().sleep(seconds, until)
        else:
            process.sleep(seconds)


class Secrets:
    """Stands for the module `secrets`, with what a seed repeats."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._random = scheduler.random

    def token_hex(self, size: int) -> str:
        return f"{self._random.getrandbits(8 * size):x}"


class Threads:
    """Stands for the module `threading`."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Lock(self) -> Any:
        process = self._whose()
        return threading.Lock() if process is None else SimLock(process.scheduler)

    def Condition(self, lock: Any) -> Any:
        process = self._whose()
        return threading.Condition(lock) if process is None else _Condition(process, lock)

    def Event(self) -> Any:
        process = self._whose()
        return threading.Event() if process is None else _Event(process)

    def Thread(self, *, target: Callable[[], None], name: str, daemon: bool) -> Any:
        process = self._whose()
        if process is None:
            return threading.Thread(target=target, name=name, daemon=daemon)
        return _Background(process, target)


class _Background:
    """The thread that the SDK starts."""

    def __init__(self, process: Process, target: Callable[[], None]) -> None:
        self._process = process
        self._target = target

    def start(self) -> None:
        self._process.background = self._process.scheduler.spawn(self._target, self._process)


class _Sleepers:
    """Actors that sleep until somebody tells them, or for so long."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._told: dict[Actor, bool] = {}

    def sleep(self, seconds: float | None) -> bool:
        """Whether it was told."""
        scheduler = self._process.scheduler
        actor = scheduler.current
        assert actor is not None
        self._told[actor] = False
        try:
            self._process.sleep(_FOR_EVER_S if seconds is None else seconds)
        finally:
            told = self._told.pop(actor)
        return told

    def tell(self) -> None:
        for actor in self._told:
            self._told[actor] = True
            self._process.scheduler.wake(actor)


class _Condition:
    def __init__(self, process: Process, lock: SimLock) -> None:
        self._process = process
        self._lock = lock
        self._sleepers = _Sleepers(process)

    def wait(self, timeout: float | None = None) -> bool:
        self._lock.__exit__()
        try:
            return self._sleepers.sleep(timeout)
        finally:
            self._lock.__enter__()

    def notify_all(self) -> None:
        self._sleepers.tell()


class _Event:
    def __init__(self, process: Process) -> None:
        self._sleepers = _Sleepers(process)
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._sleepers.tell()

    def wait(self, timeout: float | None = None) -> bool:
        return self._set or self._sleepers.sleep(timeout)


class Local:
    """Stands for a `threading.local`: whose attributes are by actor, None at first, and gone when it ends."""

    def __init__(self, whose: Whose) -> None:
        process = whose()
        assert process is not None
        process.locals.append(self)
        self.__dict__["_process"] = process
        self.__dict__["_by_thread"] = {}

    def thread(self) -> object:
        """What tells threads apart."""
        return self.__dict__["_process"].scheduler.current

    def forget(self, thread: object) -> None:
        """A thread has ended."""
        self.__dict__["_by_thread"].pop(thread, None)

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["_by_thread"].get(self.thread(), {}).get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_by_thread"].setdefault(self.thread(), {})[name] = value


def settling_at_exit(whose: Whose) -> Callable[..., None]:
    """Stands for the function that notes who has events in hand when the program ends."""

    def settle_at_exit(holder: Holder, *, holding: bool) -> None:
        process = whose()
        if process is None:
            really_settle_at_exit(holder, holding=holding)
        elif holding:
            process.holders[holder] = None
        else:
            process.holders.pop(holder, None)

    return settle_at_exit
