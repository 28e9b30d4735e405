"""What a worker is told to do: by the program, by signals, and by its own parts."""

from __future__ import annotations

import signal
import time
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue

from pubsubclient._worker.signal_handlers import handling_signals

__all__ = ["Orders"]

#: the longest wait for an order without looking up, seconds. A signal that comes just before a wait begins does not end it:
#: Python runs the signal's handler only after the wait
_LOOK_UP_S = 0.2


class Orders:
    """The orders to a worker, in their order. Thread-safe.

    They are ``stop``, ``cut`` (asked to stop again, by the same), ``stacks``, ``burst`` (nothing is left to do), ``idle`` (no
    handler runs), ``fail`` and ``misconfigured``.
    """

    def __init__(self) -> None:
        # because a signal handler may put into it at any point
        self._queue: SimpleQueue[tuple[str, str]] = SimpleQueue()
        #: who has asked to stop
        self._askers: set[str] = set()

    def give(self, order: str, asker: str = "") -> None:
        """Give an order; to stop, say who asks."""
        self._queue.put((order, asker))

    def next(self, give_up: float | None = None) -> str:
        """Wait for the next order; ``late`` at monotonic time `give_up`."""
        while True:
            left_s = _LOOK_UP_S if give_up is None else max(0.0, min(_LOOK_UP_S, give_up - time.monotonic()))
            try:
                order, asker = self._queue.get(timeout=left_s)
            except Empty:
                if not left_s:
                    return "late"
                continue
            if order != "stop":
                return order
            if asker in self._askers:
                return "cut"
            self._askers.add(asker)
            return "stop"

    def by_signals(self) -> AbstractContextManager[None]:
        """Let signals give orders within the block. In the main thread alone."""

        def order(number: int) -> None:
            self.give("stacks" if number == getattr(signal, "SIGUSR1", None) else "stop", "signal")

        return handling_signals(order)
