"""Keeps gRPC usable in forked children: it gets itself ready for a fork only while no thread is in a call.

Forked in the middle of a call, the child would hang in its first own call. So a fork waits until the calls
under way are answered, and calls wait until the fork is done.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType

from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.storage.port import Refused

__all__ = ["calling"]

#: Calls take milliseconds; a fork does not wait longer than this for one that hangs.
MAX_WAIT_S = 5.0
_POLL_S = 0.001


class ForkGate:
    """Entered around each call."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._spoilt = False
        self._forking = ExitStack()
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._born)

    def __enter__(self) -> None:
        if self._spoilt:
            raise Refused("this process was forked in the middle of a store call; start it by spawn instead")
        with self._door, self._count:
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._count:
            self._inside -= 1

    def _renew(self) -> None:
        #: held during a fork, so that no call begins
        self._door = self._runtime.new_lock()
        self._count = self._runtime.new_lock()
        self._inside = 0

    def _before(self) -> None:
        self._forking.enter_context(self._door)
        deadline = self._runtime.monotonic() + MAX_WAIT_S
        while self._inside and self._runtime.monotonic() < deadline:
            self._runtime.sleep(_POLL_S)

    def _after(self) -> None:
        self._forking.close()

    def _born(self) -> None:
        self._spoilt = self._spoilt or self._inside > 0
        self._forking.pop_all()
        # The threads that might have given these back do not exist here.
        self._renew()


#: one for all stores of the process, as gRPC is
calling = ForkGate(SystemRuntime())
