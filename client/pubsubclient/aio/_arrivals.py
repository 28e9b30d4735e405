"""Hands results of threads' futures over to an event loop, many at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

__all__ = ["Arrivals"]

#: the most results that are handed out before other work of the loop has its turn
_AT_ONCE = 100

T = TypeVar("T")


class Arrivals:
    """What arrives for one loop. `asyncio.wrap_future` would wake the loop once for each result."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._done: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        #: whether the loop was told of results that it has not looked at
        self._woken = False

    async def result(self, future: Future[T]) -> T:
        """Wait for a future, and return its result, or raise its error. Cancelling the wait cancels the future."""
        waiter: asyncio.Future[T] = self._loop.create_future()
        future.add_done_callback(partial(self._arrived, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            future.cancel()
            raise

    def _arrived(self, waiter: asyncio.Future[Any], future: Future[Any]) -> None:
        """Take note of a result, in any thread."""
        self._done.append((waiter, future))
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._woken = False  # first, so that what comes from now on wakes the loop again
        for _ in range(_AT_ONCE):
            if not self._done:
                return
            waiter, future = self._done.popleft()
            if waiter.done():
                continue
            if future.cancelled():
                waiter.cancel()
            elif (error := future.exception()) is not None:
                waiter.set_exception(error)
            else:
                waiter.set_result(future.result())
        self._loop.call_soon(self._hand_out)
