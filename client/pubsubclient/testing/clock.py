"""A clock that a test moves. Waits of the test's own thread take no time while no other thread is at work."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pubsubclient._core.clock import Clock
from pubsubclient._http.call import current_call

__all__ = ["CallerGone", "LocalClock"]

#: another thread that made a request less than this long ago is at work, seconds
_AT_WORK_S = 1.0
#: how often a waiting thread looks whether the clock was moved, or whether it is alone now, seconds
_SLICE_S = 0.05
_SECOND_US = 1_000_000


class CallerGone(BaseException):
    """The call that waits was cancelled, or the test has ended.

    It is no Exception, so that the service does not take it for a failure of its own.
    """


class LocalClock(Clock):
    """The real clock, and what tests have added to it. It moves the time of the service, and of the SDK, together.

    A thread that sleeps, or waits for events, while no other thread is at work would wait for nothing but the time. In the
    thread that made the clock, such waits move the clock on instead, and take no time. All other waits are real; they end
    early when the clock is moved past their end.
    """

    def __init__(self) -> None:
        self._own = threading.get_ident()
        self._ahead_s = 0.0
        self._epoch_us = time.time_ns() // 1000 - round(time.monotonic() * _SECOND_US)
        self._lock = threading.Lock()
        #: how many requests each other thread has under way
        self._requests: Counter[threading.Thread] = Counter()
        #: real time of the last request of another thread
        self._seen_at = -math.inf
        self._closed = False
        #: how far waits have moved the clock since the last call of `rest`, seconds
        self.waited_s = 0.0

    def monotonic(self) -> float:
        """Seconds since some moment, with what was added."""
        return time.monotonic() + self._ahead_s

    def time_us(self) -> int:
        """The time of the day, µs, with what was added."""
        return self._epoch_us + math.floor(self.monotonic() * _SECOND_US)

    def advance(self, seconds: float) -> None:
        """Move the clock to the first whole second at or after now + `seconds`: what failed is due at a whole second."""
        now_us = self.time_us()
        due_us = -(-(now_us + round(seconds * _SECOND_US)) // _SECOND_US) * _SECOND_US
        self._move((due_us - now_us + 1) / _SECOND_US)

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        """Let the time pass, or wait for real; end when the event is set."""
        event = until or threading.Event()
        give_up = self.monotonic() + seconds
        while not event.is_set() and (left_s := give_up - self.monotonic()) > 0:
            if self._is_alone():
                self._move(left_s)
                return
            event.wait(min(left_s, _SLICE_S))

    def wait(self, condition: threading.Condition, timeout: float | None = None) -> bool:
        """Wait for real: a condition is notified by another thread."""
        give_up = None if timeout is None else self.monotonic() + timeout
        notified = condition.wait(_SLICE_S if timeout is None else min(timeout, _SLICE_S))
        return notified or give_up is None or self.monotonic() < give_up

    def wait_for_events(self, condition: threading.Condition, predicate: Callable[[], bool], timeout: float) -> None:
        """Wait in the service's store; the caller holds the lock of the condition. Raises CallerGone."""
        give_up = self.monotonic() + timeout
        call = current_call()
        while not predicate() and (left_s := give_up - self.monotonic()) > 0:
            if self._closed or (call is not None and call.was_shut):
                raise CallerGone
            if self._is_alone():
                self.waited_s += left_s
                self._move(left_s)
                return
            self.wait(condition, left_s)

    def close(self) -> None:
        """End all waits for events, now and later, as if their calls were cancelled."""
        self._closed = True

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request of this thread is under way."""
        if self._is_own():
            yield
            return
        thread = threading.current_thread()
        with self._lock:
            self._requests[thread] += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests[thread] -= 1
                if not self._requests[thread]:
                    del self._requests[thread]
            self._seen_at = time.monotonic()

    def at_work(self) -> list[threading.Thread]:
        """Return the other threads that have a request under way."""
        with self._lock:
            return list(self._requests)

    def _is_own(self) -> bool:
        return threading.get_ident() == self._own

    def _is_alone(self) -> bool:
        return self._is_own() and not self._requests and time.monotonic() - self._seen_at > _AT_WORK_S

    def _move(self, seconds: float) -> None:
        with self._lock:
            self._ahead_s += max(0.0, seconds)
