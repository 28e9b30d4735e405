"""The signals that stop the emulator."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue
from types import FrameType

__all__ = ["StopSignal", "stop_on_signal"]


class StopSignal:
    """Tells whether a signal came, and waits for it.

    A `threading.Event` would not do. Its `set` takes a lock that its `wait` has for moments, and a signal handler that finds
    it taken waits for ever, because it interrupts the thread that has it. A `SimpleQueue` may be put into at any point.
    """

    def __init__(self) -> None:
        self._came: SimpleQueue[None] = SimpleQueue()
        self._is_set = False

    def set(self) -> None:
        """Say that a signal came."""
        self._is_set = True
        self._came.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a signal has come, at most `timeout` seconds if that is given; returns whether one has."""
        if not self._is_set:
            try:
                self._came.get(timeout=timeout)
            except Empty:
                return self._is_set
        return True


def stop_on_signal() -> StopSignal:
    """Return what the first SIGINT or SIGTERM sets; a second signal has its default effect at once."""
    stopped = StopSignal()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        stopped.set()

    for number in signals:
        signal.signal(number, stop)
    return stopped
