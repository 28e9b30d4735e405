"""The process as the service sees it, with an end: waiting is over for everyone once it drains."""

from __future__ import annotations

import threading
import time

from pubsubservice.runtime import SystemRuntime

__all__ = ["DrainingRuntime"]

#: more than any request may wait
_LEAP_S = 3600.0


class DrainingRuntime(SystemRuntime):
    """`SystemRuntime` whose clock leaps forward and whose sleeps end when `drain` is called.

    A long poll that looks at the time then finds it up and answers with what there is.
    """

    def __init__(self) -> None:
        self._draining = threading.Event()

    def drain(self) -> None:
        """Let every wait come to its end now."""
        self._draining.set()

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic() + (_LEAP_S if self._draining.is_set() else 0.0)

    def sleep(self, seconds: float) -> None:
        """Wait, at most until the end."""
        self._draining.wait(seconds)
