"""Publishes events for the tasks of event loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from pubsubclient._core.arguments import Seconds, check_flag
from pubsubclient._events.event import Event
from pubsubclient._events.topic import T, Topic
from pubsubclient._http.service import Address, Service
from pubsubclient._publish import publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient.aio._batch import Batch, BlockingBatch
from pubsubclient.aio._call import call

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["Publisher"]


class _Blocking(publisher.Publisher):
    """The publisher behind one of this package."""

    def register(self) -> None:
        """Register the name. Raises ServiceError, Unavailable."""
        self._register()

    def batch_for_loops(self, max_delay: Seconds, max_events: int, max_bytes: int) -> BlockingBatch:
        """Make a batch, as `batch` does."""
        return self._new_batch(BlockingBatch, max_delay, max_events, max_bytes)


class Publisher:
    """`pubsubclient.Publisher`, whose methods are awaited. Tasks of several event loops may share it.

    The constructor makes no request. ``async with Publisher("shop") as publisher:`` registers the name at its beginning,
    without which the first publish does.

    Args:
        name: as for `pubsubclient.Publisher`
        service: as for `pubsubclient.Publisher`
        register: whether ``async with`` registers the name

    Raises:
        InvalidArgument: an argument is not valid
        ConfigurationError: no service is configured
    """

    def __init__(self, name: str, *, service: Address | Service | None = None, register: bool = True) -> None:
        self._blocking = _Blocking(name, service=service, register=False)
        self._registers = check_flag("register", register)
        self.name = self._blocking.name

    @overload
    async def publish(self, event: Event, /, *, delay: float | None = None, far: bool = False) -> Receipt: ...
    @overload
    async def publish(
        self, event: Event, second: Event, /, *more: Event, delay: float | None = None, far: bool = False
    ) -> list[Receipt]: ...
    @overload
    async def publish(
        self, events: Iterable[Event], /, *, delay: float | None = None, far: bool = False
    ) -> list[Receipt]: ...
    @overload
    async def publish(
        self, topic: Topic[T], /, data: T, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...
    @overload
    async def publish(
        self, topic: Topic[Any], /, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...
    @overload
    async def publish(
        self, topic: str, /, data: Any = None, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...

    async def publish(
        self,
        first: Event | Topic | str | Iterable[Event],
        /,
        *more: Any,
        delay: float | None = None,
        far: bool = False,
        **event: Any,
    ) -> Receipt | list[Receipt]:
        """As `pubsubclient.Publisher.publish`.

        When it is cancelled, the events may be stored all the same. Publish the same `Event` again, within 10 minutes or with
        `far`: it is stored once.
        """
        # an iterator may belong to the loop, as what it is made of may
        events: Any = list(first) if isinstance(first, Iterator) else first
        publish: Any = self._blocking.publish
        return await call(publish, events, *more, delay=delay, far=far, **event)

    def batch(self, *, max_delay: Seconds = 0.01, max_events: int = 20_000, max_bytes: int = 32 * 1024 * 1024) -> Batch:
        """As `pubsubclient.Publisher.batch`, for ``async with``. At `max_events` and `max_bytes`, publishing waits."""
        return Batch(self._blocking.batch_for_loops(max_delay, max_events, max_bytes))

    async def delete(self) -> None:
        """As `pubsubclient.Publisher.delete`."""
        await call(self._blocking.delete)

    async def __aenter__(self) -> Publisher:
        if self._registers:
            await call(self._blocking.register)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def __repr__(self) -> str:
        return repr(self._blocking)
