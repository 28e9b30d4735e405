"""The signals that stop the emulator."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["stop_on_signal"]


def stop_on_signal() -> threading.Event:
    """Return an event that the first SIGINT or SIGTERM sets; a second signal has its default effect at once."""
    stopped = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        stopped.set()

    for number in signals:
        signal.signal(number, stop)
    return stopped
