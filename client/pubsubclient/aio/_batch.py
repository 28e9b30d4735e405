"""Publishes events in the background, for tasks that await their receipts."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, overload
from weakref import WeakKeyDictionary

from pubsubclient._events.event import Event
from pubsubclient._events.topic import T, Topic
from pubsubclient._publish import batch
from pubsubclient._publish.chunks import new_event
from pubsubclient._publish.receipts import Receipt
from pubsubclient.aio._arrivals import Arrivals
from pubsubclient.aio._call import call
from pubsubclient.aio._threads import WAITS

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["Batch", "BlockingBatch"]


class BlockingBatch(batch.Batch):
    """The batch behind one of this package. Its own thread talks to the service, and never the loop's."""

    _callers_send: ClassVar[bool] = False

    def has_room(self, event: Event) -> bool:
        """Whether `publish` of the event would return at once, if nobody else published. Raises InvalidArgument."""
        return self._driver.has_room(len(event.encode(self._source)))


class Batch:
    """`pubsubclient.Batch`, whose methods are awaited: ``async with publisher.batch() as batch: await batch.publish(event)``.

    `publish` returns the receipt, so tasks that publish at the same time share requests:
    ``await asyncio.gather(*map(batch.publish, events))``. They keep their order. Leaving the ``async with`` block is like
    leaving the ``with`` block of `pubsubclient.Batch`.
    """

    def __init__(self, blocking: BlockingBatch) -> None:
        self._blocking = blocking
        #: what hands receipts over, for each loop
        self._arrivals: WeakKeyDictionary[asyncio.AbstractEventLoop, Arrivals] = WeakKeyDictionary()
        #: guards the rest
        self._lock = threading.Lock()
        #: the events that wait for room, in order
        self._queue: deque[tuple[Event, Future[Future[Receipt]]]] = deque()
        #: whether a thread publishes them
        self._moving = False

    @overload
    async def publish(self, event: Event, /) -> Receipt: ...
    @overload
    async def publish(self, topic: Topic[T], /, data: T, **members: Unpack[EventMembers]) -> Receipt: ...
    @overload
    async def publish(self, topic: Topic[Any], /, **members: Unpack[EventMembers]) -> Receipt: ...
    @overload
    async def publish(self, topic: str, /, data: Any = None, **members: Unpack[EventMembers]) -> Receipt: ...

    async def publish(self, first: Event | Topic | str, /, *data: Any, **members: Any) -> Receipt:
        """Publish an event, or data to a topic, with others in one request; return the receipt.

        While too many events wait for their receipts, it waits for room. When it is cancelled before the event is in a
        request, the event is not sent.

        Raises:
            InvalidArgument, BatchClosed: as `pubsubclient.Batch.publish`
            PublishRefused, PublishUnavailable, PublishUnknown: as `pubsubclient.Publisher.publish`
        """
        if isinstance(first, Event) and (data or members):
            self._blocking.publish(first, *data, **members)  # which raises
        event = first if isinstance(first, Event) else new_event(first, data, members)
        receipt = await self._await_room(event) if self._is_full(event) else self._blocking.publish(event)
        return await self._arrivals_here().result(receipt)

    async def flush(self, timeout: float | None = None) -> bool:
        """As `pubsubclient.Batch.flush`."""
        return await call(self._blocking.flush, timeout)

    async def close(self) -> None:
        """As `pubsubclient.Batch.close`."""
        await call(self._blocking.close)

    async def __aenter__(self) -> Batch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await call(self._blocking.__exit__, kind, error, traceback)

    def _is_full(self, event: Event) -> bool:
        """Whether the event has to wait for room, or for those before it that do."""
        return self._moving or not self._blocking.has_room(event)

    def _arrivals_here(self) -> Arrivals:
        """Return what hands results over to the loop that runs."""
        loop = asyncio.get_running_loop()
        arrivals = self._arrivals.get(loop)
        if arrivals is None:
            arrivals = self._arrivals[loop] = Arrivals(loop)
        return arrivals

    async def _await_room(self, event: Event) -> Future[Receipt]:
        """Publish the event when there is room, after those that wait already; return the future of its receipt."""
        moved: Future[Future[Receipt]] = Future()
        with self._lock:
            self._queue.append((event, moved))
            starts, self._moving = not self._moving, True
        if starts:
            WAITS.submit(self._move)
        try:
            return await self._arrivals_here().result(moved)
        except asyncio.CancelledError:
            moved.add_done_callback(_cancel_receipt)
            raise

    def _move(self) -> None:
        """Publish the events that wait for room, in a thread, until none is left."""
        while (first := self._next()) is not None:
            event, moved = first
            if moved.set_running_or_notify_cancel():
                try:
                    moved.set_result(self._blocking.publish(event))
                except BaseException as error:  # noqa: BLE001 - the task raises it
                    moved.set_exception(error)

    def _next(self) -> tuple[Event, Future[Future[Receipt]]] | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._moving = False
            return None

    def __repr__(self) -> str:
        return repr(self._blocking)


def _cancel_receipt(moved: Future[Future[Receipt]]) -> None:
    """The task was cancelled while its event was moved: send the event only if it is in a request already."""
    if not moved.cancelled() and moved.exception() is None:
        moved.result().cancel()
