"""A call under way: when it has to end, and the connection to shut when it does not end by itself.

Timeouts of sockets bound one read. A peer that sends a byte a second, or without end, would keep a call alive for as long as
it likes. So one thread watches all calls of the process, and shuts the connection of each that is over its time. Cancelling
a call from another thread works the same way.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import Protocol

from pubsubclient._fork import reset_in_child

__all__ = ["Call", "CallCancelled", "Cancellation", "current_call"]

#: how long the watching thread sleeps while no call is under way, seconds
_IDLE_S = 3600.0


class CallCancelled(Exception):  # noqa: N818 - as in _core.errors
    """Another thread cancelled the call. Private: users see what the cancelled method documents.

    Attributes:
        uncertain: whether the request may have taken effect
    """

    def __init__(self, *, uncertain: bool) -> None:
        super().__init__("the call was cancelled by another thread")
        self.uncertain = uncertain


class Cancellation:
    """Lets another thread end calls. It is handed to any number of calls, one after another or side by side."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End the calls that are under way, and all later ones at once. A pause of theirs ends too."""
        self._cancelled.set()
        for call in list(self._calls):
            call.shut()

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond `cancel`."""
        self._cancelled.wait(seconds)

    def begin(self, call: Call) -> None:
        """A call is under way. A `cancel` that comes in between finds it, or the call finds itself cancelled."""
        self._calls.add(call)
        if self.cancelled:
            call.shut()

    def end(self, call: Call) -> None:
        """A call has ended."""
        self._calls.discard(call)


class Connection(Protocol):
    """What a call needs to know of its connection."""

    #: the call that uses it; it is written under `_lock`
    call: Call | None

    def raw_socket(self) -> socket.socket | None:
        """The socket beneath it, if there is one."""


class Call:
    """One call, from its first try to its end: a context manager.

    Args:
        give_up: monotonic time at which it has to end
        cancellation: what may end it before
    """

    __slots__ = ("__weakref__", "_cancellation", "_connection", "_outer", "give_up", "was_shut")

    def __init__(self, give_up: float, cancellation: Cancellation | None) -> None:
        self.give_up = give_up
        #: whether its connection was shut under it: what was read since proves nothing
        self.was_shut = False
        self._cancellation = cancellation
        self._connection: Connection | None = None
        self._outer: Call | None = None

    def __enter__(self) -> Call:
        self._outer = current_call()  # a call may need another one: that of a token
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
            time.sleep(seconds)
        else:
            self._cancellation.pause(seconds)

    def use(self, connection: Connection) -> None:
        """From here on the call works through this connection, which no other call uses any more."""
        with _lock:
            connection.call = self
            self._connection = connection
        if self.was_shut:
            self.shut()

    def shut(self) -> None:
        """Shut its connection, so that its thread reads an end; does nothing once another call has the connection."""
        with _lock:
            self.was_shut = True
            connection = self._connection
            if connection is None or connection.call is not self:
                return
            raw = connection.raw_socket()
            if raw is not None:
                with contextlib.suppress(OSError):
                    # of the socket itself: TLS is not to say goodbye first
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)


def current_call() -> Call | None:
    """The call that the calling thread is in."""
    return getattr(_local, "call", None)


class _Watch:
    """The thread that ends calls whose time is over. It starts with the first call, and sleeps while none is due."""

    def __init__(self) -> None:
        self.after_fork()
        reset_in_child(self)

    def after_fork(self) -> None:
        """The child has no such thread, and none of the parent's calls. A thread that is gone may hold the locks."""
        global _lock
        _lock = threading.Lock()
        self._calls: dict[Call, None] = {}
        # entered by the lock itself: a signal could interrupt the Condition's own entering, which is Python
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        #: when it looks again; never, while it looks: then whoever begins a call takes the lock and says so
        self._next_look = math.inf

    def begin(self, call: Call) -> None:
        self._calls[call] = None
        # mostly an earlier look is planned already: nothing more to do
        if call.give_up < self._next_look or self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="pubsubclient deadlines", daemon=True)
                    self._thread.start()
                self._next_look = min(self._next_look, call.give_up)
                self._wake.notify()

    def end(self, call: Call) -> None:
        self._calls.pop(call, None)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._next_look = math.inf
                now = time.monotonic()
                calls = list(self._calls)
                self._next_look = min([call.give_up for call in calls if call.give_up > now], default=now + _IDLE_S)
            for call in calls:
                if call.give_up <= now and not call.was_shut:
                    call.shut()
            with self._lock:
                self._wake.wait(max(0.0, self._next_look - time.monotonic()))


_local = threading.local()
#: a connection has one call at a time; held for a moment
_lock = threading.Lock()
_watch = _Watch()
