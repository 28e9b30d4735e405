"""Enforces the deadlines of calls, and lets other threads cancel them, by shutting their connections.

A socket timeout bounds only one read. A peer that sends one byte per second, or endless data, could keep a call alive
forever. So one thread watches all calls of the process, and shuts the connection of each call that has passed its deadline.
Another thread cancels a call in the same way.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import Protocol

from pubsubclient._core.clock import SYSTEM_CLOCK, Clock
from pubsubclient._fork import reset_in_child

__all__ = ["Call", "CallCancelled", "Cancellation", "current_call"]

#: how long the watching thread sleeps while no call is running, seconds
_IDLE_S = 3600.0


class CallCancelled(Exception):  # noqa: N818 - as in _core.errors
    """Another thread cancelled the call. Private: each method that can be cancelled catches it.

    Attributes:
        uncertain: whether the request may have taken effect
    """

    def __init__(self, *, uncertain: bool) -> None:
        super().__init__("the call was cancelled by another thread")
        self.uncertain = uncertain


class Cancellation:
    """Lets another thread end calls. Any number of calls can share one Cancellation, at the same time or in sequence."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End the running calls, also while they pause between tries; later calls with this object end at once."""
        self._cancelled.set()
        for call in list(self._calls):
            call.shut()

    def pause(self, seconds: float, clock: Clock = SYSTEM_CLOCK) -> None:
        """Sleep until `cancel`, at most this long by `clock`."""
        clock.sleep(seconds, self._cancelled)

    def begin(self, call: Call) -> None:
        """Track a call that begins. A concurrent `cancel` either finds the call here, or has set `cancelled` before."""
        self._calls.add(call)
        if self.cancelled:
            call.shut()

    def end(self, call: Call) -> None:
        """Stop tracking a call that has ended."""
        self._calls.discard(call)


class Connection(Protocol):
    """The part of a connection that a call uses."""

    #: the call that uses the connection; guarded by `_lock`
    call: Call | None

    def raw_socket(self) -> socket.socket | None:
        """Return the TCP socket, or None if there is no connection."""


class Call:
    """One call, from its first try to its end: a context manager.

    Args:
        give_up: the deadline, a monotonic time of `clock`
        cancellation: lets another thread end the call before
        clock: the clock of the pauses between tries
    """

    __slots__ = ("__weakref__", "_cancellation", "_clock", "_connection", "_outer", "give_up", "shut_at", "was_shut")

    def __init__(self, give_up: float, cancellation: Cancellation | None, clock: Clock = SYSTEM_CLOCK) -> None:
        self.give_up = give_up
        #: the deadline by the real clock, which is that of the sockets
        self.shut_at = give_up if clock is SYSTEM_CLOCK else time.monotonic() + give_up - clock.monotonic()
        self._clock = clock
        #: whether the watching thread or a cancellation shut the connection; data read afterwards may be incomplete
        self.was_shut = False
        self._cancellation = cancellation
        self._connection: Connection | None = None
        self._outer: Call | None = None

    def __enter__(self) -> Call:
        self._outer = current_call()  # calls can be nested: a call may have to fetch a token first
        _local.call = self
        _watch.begin(self)
        if self._cancellation is not None:
            self._cancellation.begin(self)
        return self

    def __exit__(self, *_: object) -> None:
        _local.call = self._outer
        _watch.end(self)
        if self._cancellation is not None:
            self._cancellation.end(self)
        self._connection = None

    @property
    def cancelled(self) -> bool:
        return self._cancellation is not None and self._cancellation.cancelled

    def pause(self, seconds: float) -> None:
        """Sleep between two tries."""
        if self._cancellation is None:
            self._clock.sleep(seconds)
        else:
            self._cancellation.pause(seconds, self._clock)

    def use(self, connection: Connection) -> None:
        """Record that the call uses this connection from now on; earlier calls no longer do."""
        with _lock:
            connection.call = self
            self._connection = connection
        if self.was_shut:
            self.shut()

    def shut(self) -> None:
        """Shut the call's connection, so that its thread stops reading; do nothing if another call has it now."""
        with _lock:
            self.was_shut = True
            connection = self._connection
            if connection is None or connection.call is not self:
                return
            raw = connection.raw_socket()
            if raw is not None:
                with contextlib.suppress(OSError):
                    # shut the TCP socket itself: the shutdown of a TLS socket would exchange messages first
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)


def current_call() -> Call | None:
    """Return the call that this thread is in; None outside of a call."""
    return getattr(_local, "call", None)


class _Watch:
    """The thread that shuts calls at their deadlines. It starts with the first call, and sleeps until the next deadline."""

    def __init__(self) -> None:
        self.after_fork()
        reset_in_child(self)

    def after_fork(self) -> None:
        """Start anew in the child, without thread and calls. A thread of the parent may hold the old locks."""
        global _lock
        _lock = threading.Lock()
        self._calls: dict[Call, None] = {}
        # Use `with self._lock`, not `with self._wake`: Condition.__enter__ is Python code, so a signal handler could
        # interrupt it.
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        #: monotonic time when the thread wakes up; infinite while it is awake, so that `begin` takes the lock and sets it
        self._wakes_up_at = math.inf

    def begin(self, call: Call) -> None:
        self._calls[call] = None
        # in most cases the thread wakes up early enough already, and no lock is necessary
        if call.shut_at < self._wakes_up_at or self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="pubsubclient deadlines", daemon=True)
                    self._thread.start()
                self._wakes_up_at = min(self._wakes_up_at, call.shut_at)
                self._wake.notify()

    def end(self, call: Call) -> None:
        self._calls.pop(call, None)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._wakes_up_at = math.inf
                now = time.monotonic()
                calls = list(self._calls)
                deadlines = [call.shut_at for call in calls if call.shut_at > now]
                self._wakes_up_at = min(deadlines, default=now + _IDLE_S)
            for call in calls:
                if call.shut_at <= now and not call.was_shut:
                    call.shut()
            with self._lock:
                self._wake.wait(max(0.0, self._wakes_up_at - time.monotonic()))


_local = threading.local()
#: guards which call uses a connection; only held briefly
_lock = threading.Lock()
_watch = _Watch()
