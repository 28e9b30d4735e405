"""Awaits blocking calls, which threads make; ends them when the task that awaits is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from functools import partial
from typing import Generic, ParamSpec, TypeVar

from pubsubclient._http.caller import Caller, calling_for
from pubsubclient.aio._threads import CALLS, WAITS, Threads

__all__ = ["call", "in_background", "wait_for"]

P = ParamSpec("P")
T = TypeVar("T")


async def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function in a thread. A task that is cancelled goes on at once, and so does the call, in its thread."""
    return await _Call(partial(function, *args, **kwargs), CALLS, None).result()


async def wait_for(
    function: Callable[[], T], give_back: Callable[[T], object], waiting: set[Caller] | None = None
) -> T:
    """Call a function that may wait for events, in a thread.

    When the task is cancelled, it goes on at once. The wait is ended, and the thread gives back what it got all the same.

    Args:
        function: what to call
        give_back: called in a thread with the result that nobody receives
        waiting: holds the caller as long as the call may wait, so that others can end the wait
    """
    one = _Call(function, WAITS, give_back)
    if waiting is None:
        return await one.result()
    waiting.add(one.caller)
    try:
        return await one.result()
    finally:
        waiting.discard(one.caller)


def in_background(function: Callable[[], None]) -> None:
    """Call a function that raises nothing, in a thread; the end of the program waits for it."""

    def call_and_settle() -> None:
        try:
            function()
        finally:
            WAITS.settle()

    WAITS.owe()
    try:
        WAITS.submit(call_and_settle)
    except RuntimeError:  # no thread can be started, as at the end of the program
        WAITS.settle()


class _Call(Generic[T]):
    """One call, made by one of `threads` for the task that runs now."""

    def __init__(self, function: Callable[[], T], threads: Threads, give_back: Callable[[T], object] | None) -> None:
        self._function = function
        self._threads = threads
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()
        self._context = contextvars.copy_context()
        self.caller = Caller(asyncio.current_task() or self._loop)
        #: what the function returned, until somebody has it
        self._returned: list[T] = []
        #: whether the thread has made the call; the caller's lock guards it
        self._ended = False

    async def result(self) -> T:
        """Make the call; return what the function returns, or raise what it raises."""
        self._threads.submit(self._run)
        try:
            return await self._future
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        """Nobody receives the result any more: end the wait, and see to it that the result is given back."""
        with self.caller.lock:
            self.caller.gone = True
            ended = self._ended
        if self._give_back is None:
            return
        self._threads.owe()
        if not ended:
            self.caller.cancellation.cancel()
            return
        with contextlib.suppress(RuntimeError):  # the program ends
            self._threads.submit(self._return)

    def _run(self) -> None:
        """Make the call, in a thread."""
        told = None if self.caller.gone else self._make()
        with self.caller.lock:
            self._ended = True
            gone = self.caller.gone
        if gone:
            self._return()
        elif told is not None:
            try:
                self._loop.call_soon_threadsafe(told)
            except RuntimeError:  # the loop was closed meanwhile
                self._threads.owe()
                self._return()

    def _make(self) -> Callable[[], None]:
        """Call the function; return what tells the task, in its loop."""
        try:
            with calling_for(self.caller):
                result = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001 - the task raises it
            return partial(_fail, self._future, error)
        self._returned.append(result)
        return partial(_succeed, self._future, result)

    def _return(self) -> None:
        """Give back the result that nobody receives, if there is one."""
        if self._give_back is None:
            return
        if self._returned:
            with contextlib.suppress(Exception):  # its leases end by themselves
                self._give_back(self._returned.pop())
        self._threads.settle()


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
