"""Keeps gRPC usable in forked children: a fork ends streams, waits for running calls, and new calls wait for the fork.

gRPC prepares for a fork only while no thread is in a call. A child that was forked during a call would hang in its own
first call.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol
from weakref import WeakSet

from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.storage.port import Refused

__all__ = ["calling"]

#: how long a fork waits for running calls, seconds; calls take milliseconds unless one hangs
MAX_WAIT_S = 5.0
_POLL_S = 0.001


class Interruptible(Protocol):
    """Has calls that last, which a fork cannot wait for."""

    def interrupt(self) -> None:
        """Before a fork: end the calls. Those that are asked for meanwhile wait at the gate."""

    def start_anew(self) -> None:
        """In the child: leave all calls to the parent, and what belongs to them uncollected."""


class ForkGate:
    """Context manager around each gRPC call. Registers itself with ``os.register_at_fork``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        #: whether this process was forked during a call, so that gRPC would hang in it
        self._forked_in_call = False
        self._forking = ExitStack()
        #: what has calls that last
        self.interrupts: WeakSet[Interruptible] = WeakSet()
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_in_parent, after_in_child=self._after_in_child
            )

    def __enter__(self) -> None:
        if self._forked_in_call:
            raise Refused("this process was forked during a store call; start it with spawn instead")
        with self._entry_lock, self._count_lock:
            self._active_calls += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._count_lock:
            self._active_calls -= 1

    def _reset(self) -> None:
        #: held during a fork, so that no call begins
        self._entry_lock = self._runtime.new_lock()
        #: guards `_active_calls`
        self._count_lock = self._runtime.new_lock()
        self._active_calls = 0

    def _before_fork(self) -> None:
        self._forking.enter_context(self._entry_lock)
        for each in [*self.interrupts]:
            each.interrupt()
        deadline = self._runtime.monotonic() + MAX_WAIT_S
        while self._active_calls and self._runtime.monotonic() < deadline:
            self._runtime.sleep(_POLL_S)

    def _after_in_parent(self) -> None:
        self._forking.close()

    def _after_in_child(self) -> None:
        self._forked_in_call = self._forked_in_call or self._active_calls > 0
        self._forking.pop_all()
        # New locks: the threads that hold the old ones do not exist in the child.
        self._reset()
        for each in [*self.interrupts]:
            each.start_anew()


#: one gate for all stores of the process, because gRPC's state is one per process
calling = ForkGate(SystemRuntime())
