"""Fetches events for an ``async with`` block, whose end settles them."""

from __future__ import annotations

import asyncio
from types import TracebackType

from pubsubclient._http.caller import Caller
from pubsubclient._subscribe import pull
from pubsubclient.aio._call import call, wait_for
from pubsubclient.aio._events import Events

__all__ = ["Pull"]


class Pull:
    """The asynchronous context manager of `Subscriber.pull`. Entering it fetches the events; it can be entered once.

    Args:
        waiting: the calls of the subscriber that wait
    """

    def __init__(self, blocking: pull.Pull, waiting: set[Caller]) -> None:
        self._blocking = blocking
        self._waiting = waiting

    async def __aenter__(self) -> Events:
        return await wait_for(self._enter, self._give_back, self._waiting)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await call(self._blocking.__exit__, kind, error, traceback)

    def _enter(self) -> Events:
        return Events(self._blocking.__enter__())

    def _give_back(self, _: Events) -> None:
        error = asyncio.CancelledError()
        self._blocking.__exit__(type(error), error, None)
