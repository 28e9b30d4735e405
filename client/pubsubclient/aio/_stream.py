"""Loops over events as they arrive, for ``async for``."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable

from pubsubclient._events import received
from pubsubclient._subscribe.stream import Stream
from pubsubclient.aio._call import in_background, wait_for
from pubsubclient.aio._events import ReceivedEvent

__all__ = ["EventStream"]


class EventStream(AsyncIterator[ReceivedEvent]):
    """The loop of `Subscriber.events`. A thread is asked once a fetch; the events of a fetch are handed out in the loop.

    Args:
        stream: the loop, in steps
        register: registers the subscriber, if it is not; called by a thread
    """

    def __init__(self, stream: Stream, register: Callable[[], None]) -> None:
        self._stream = stream
        self._register = register
        #: held by the thread that is in the stream
        self._turn = threading.Lock()
        self._waits = self._ended = False

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> ReceivedEvent:
        if self._waits:
            raise RuntimeError("Another task waits for the next event of this loop; call events() in each task.")
        event = None
        if not self._ended:
            event = self._stream.ready() or await self._fetch()
        if event is None:
            await self.aclose()
            raise StopAsyncIteration
        return event.seen_as(ReceivedEvent)

    async def aclose(self) -> None:
        """End the loop: acknowledge what was handled, release what was not reached, and wait for that."""
        if not self._ended:
            self._ended = True
            self._stream.close()
            await wait_for(self._end, _nothing)

    def __del__(self) -> None:
        if not sys.is_finalizing():  # then the stream is settled as all that is held
            self._leave()

    async def _fetch(self) -> received.ReceivedEvent | None:
        """Wait for the next event; None at the end of the loop. An error ends the loop."""
        self._waits = True
        try:
            return await wait_for(self._next, _release)
        except BaseException:
            self._leave()
            raise
        finally:
            self._waits = False

    def _next(self) -> received.ReceivedEvent | None:
        with self._turn:
            self._register()
            return self._stream.next()

    def _end(self) -> None:
        with self._turn:
            self._stream.end()

    def _leave(self) -> None:
        """End the loop in a thread, without waiting for it."""
        if not self._ended:
            self._ended = True
            self._stream.close()
            in_background(self._end)


def _release(event: received.ReceivedEvent | None) -> None:
    if event is not None:
        event.release()


def _nothing(_: None) -> None:
    pass
