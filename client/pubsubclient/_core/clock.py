"""The clock of a service: what tells the SDK how much time has passed, and blocks its threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock:
    """The real clock: monotonic time, and waits that take as long as they say.

    `pubsubclient.testing` has a clock that tests move. Two clocks are equal if they are the same object.
    """

    #: return seconds since some moment; never goes back
    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        """Block this thread for so many seconds, or until the event is set."""
        if until is None:
            time.sleep(seconds)
        else:
            until.wait(seconds)

    def wait(self, condition: threading.Condition, timeout: float | None = None) -> bool:
        """Wait until the condition is notified, at most `timeout` seconds. The caller holds its lock, and checks again.

        Returns False if the time was over before.
        """
        return condition.wait(timeout)

    def wait_for(
        self, condition: threading.Condition, predicate: Callable[[], bool], timeout: float | None = None
    ) -> bool:
        """Wait until the predicate holds, at most `timeout` seconds; returns whether it does. The caller holds the lock."""
        give_up = None if timeout is None else self.monotonic() + timeout
        while not predicate():
            left_s = None if give_up is None else give_up - self.monotonic()
            if left_s is not None and left_s <= 0:
                return False
            self.wait(condition, left_s)
        return True

    def __reduce__(self) -> str | tuple[object, ...]:
        # unpickled, the system's clock is this process's
        return "SYSTEM_CLOCK" if self is SYSTEM_CLOCK else super().__reduce__()


#: the clock of all services that were not given one
SYSTEM_CLOCK = Clock()
