"""How a consumer is ended where it is, as programs are by their signal handlers: by an exit status, or KeyboardInterrupt."""

from __future__ import annotations

import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["Leaving"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Leaving:
    """Handles the signals of a consumer, in its main thread.

    SIGTERM asks it to end once the run is calm. Before, its handler calls `sys.exit`, with status 0 or 1; that of SIGINT
    raises KeyboardInterrupt. Either may come anywhere but where the consumer writes down what it does.

    Args:
        calm_file: is there once the run is calm
    """

    def __init__(self, calm_file: Path, seed: int) -> None:
        self.ended = threading.Event()
        #: whether a clean end is the truth: what it has in hand is written down, and done
        self.succeeds = False
        self._calm_file = calm_file
        self._random = random.Random(seed)
        self._undisturbed = 0
        self._pending: int | None = None
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """What is done inside is done whole: a signal counts afterwards. For the main thread; others get none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._undisturbed += 1
        try:
            yield
        finally:
            self._undisturbed -= 1
            if self._pending is not None and not self._undisturbed:
                self._leave(self._pending)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGTERM and self._calm_file.exists():
            self.ended.set()
        elif self._undisturbed:
            self._pending = number
        else:
            self._leave(number)

    def _leave(self, number: int) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self._pending = None
        self.ended.set()  # for its other threads
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(0 if self.succeeds and self._random.random() < 0.5 else 1)
