"""Daemon threads that make the blocking calls of this package."""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable

from pubsubclient._core.at_exit import EXIT_DEADLINE_S
from pubsubclient._fork import reset_in_child

__all__ = ["CALLS", "WAITS", "Threads"]

#: how many calls run at once, and how many that wait for events; further ones wait for a thread
_MOST_CALLS = 32
_MOST_WAITS = 256
#: a thread ends after this long without work, seconds
_IDLE_S = 10.0

Work = Callable[[], None]


class Threads:
    """Threads that start when they are needed, at most `most`, and end when they are idle. A forked child has none.

    They are daemons: at its end the interpreter waits for none of their calls, but for what is owed.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self.after_fork()
        reset_in_child(self)

    def after_fork(self) -> None:
        """Start empty in the child: the parent's threads do what was queued."""
        # reentrant: the end of an object, which garbage collection finds at any moment, may be work too
        self._lock = threading.RLock()
        #: notified when there is work for an idle thread
        self._work = threading.Condition(self._lock)
        #: notified when less is owed
        self._settled = threading.Condition(self._lock)
        self._queue: deque[Work] = deque()
        self._count = self._idle = self._owed = 0

    def submit(self, work: Work) -> None:
        """Queue what a thread is to do. It must not raise.

        Raises RuntimeError: no thread can be started, and none is there
        """
        with self._lock:
            self._queue.append(work)
            if len(self._queue) <= self._idle:
                self._work.notify()
            elif self._count < self._most:
                try:
                    threading.Thread(target=self._run, name=self._name, daemon=True).start()
                    self._count += 1
                except RuntimeError:
                    if not self._count:  # else one of the threads does it
                        self._queue.pop()
                        raise

    def owe(self) -> None:
        """The end of the program waits, `EXIT_DEADLINE_S` at most, until `settle` was called as often as this."""
        with self._lock:
            self._owed += 1

    def settle(self) -> None:
        """One thing less is owed."""
        with self._lock:
            self._owed -= 1
            self._settled.notify_all()

    def end(self) -> None:
        """Wait for what is owed, at the end of the program."""
        give_up = time.monotonic() + EXIT_DEADLINE_S
        with self._lock:
            while self._owed > 0 and (left_s := give_up - time.monotonic()) > 0:
                self._settled.wait(left_s)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()
            del work  # it refers to what the call returned

    def _next(self) -> Work | None:
        """Wait for work; None after _IDLE_S seconds without any."""
        with self._lock:
            if not self._queue:
                self._idle += 1
                try:
                    self._work.wait_for(lambda: bool(self._queue), _IDLE_S)
                finally:
                    self._idle -= 1
            if self._queue:
                return self._queue.popleft()
            self._count -= 1
            return None


#: for calls that are answered at once, and for those that wait for events; a wait keeps no other call from its thread
CALLS = Threads("pubsubclient.aio call", _MOST_CALLS)
WAITS = Threads("pubsubclient.aio wait", _MOST_WAITS)


@atexit.register
def _at_exit() -> None:
    # Exit handlers run last in, first out: this one before those that settle what is held, so that these find all of it.
    for threads in (CALLS, WAITS):
        threads.end()
