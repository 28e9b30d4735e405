"""The signals that end the emulator."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["end_on_signal"]


def end_on_signal() -> threading.Event:
    """An event that the first SIGINT or SIGTERM sets; the next one has its usual effect, at once."""
    ended = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        ended.set()

    for number in signals:
        signal.signal(number, end)
    return ended
