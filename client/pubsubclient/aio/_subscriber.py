"""Receives events for the tasks of event loops."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType

from pubsubclient._core.arguments import Seconds, check_flag
from pubsubclient._core.filters import Filters
from pubsubclient._events import event_list
from pubsubclient._events.event import Event
from pubsubclient._events.topic import Topic
from pubsubclient._http.caller import Caller
from pubsubclient._http.service import Address, Service
from pubsubclient._subscribe import subscriber
from pubsubclient._subscribe.arguments import Position, StartPosition, Topics
from pubsubclient._subscribe.descriptions import Explanation, SubscriberState
from pubsubclient._subscribe.stream import Stream
from pubsubclient.aio._call import call, wait_for
from pubsubclient.aio._events import Events
from pubsubclient.aio._outcomes import Outcomes, blocking_outcomes
from pubsubclient.aio._pull import Pull
from pubsubclient.aio._stream import EventStream

__all__ = ["Subscriber"]


class _Blocking(subscriber.Subscriber):
    """The subscriber behind one of this package."""

    def register(self) -> None:
        """Register the name, if that was not done. Raises ServiceError, Unavailable."""
        self._ensure_registered()

    def stream(self, wait: Seconds | None, max_events: int) -> Stream:
        """Make the loop of `events`, in steps. Raises InvalidArgument."""
        return self._new_stream(wait, max_events)


class Subscriber:
    """`pubsubclient.Subscriber`, whose methods are awaited. Tasks of several event loops may share it.

    Events belong to the task that got them, as those of `pubsubclient.Subscriber` belong to the thread: a task's next
    `get_events`, and `close`, acknowledge the events of its last one, and leaving the ``async with`` block does, unless an
    exception caused that: after an Exception they are given back as failed (nack), after a cancellation as not handled
    (release). What a task still holds when the program ends is released.

    A cancelled call gives control back at once. A wait for events is ended, and what it may have brought is released.

    The constructor makes no request. ``async with`` registers the name at its beginning, without which the first call does.

    Args:
        name: as for `pubsubclient.Subscriber`
        service: as for `pubsubclient.Subscriber`
        register: whether ``async with`` registers the name

    Raises:
        InvalidArgument: an argument is not valid
        ConfigurationError: no service is configured
    """

    def __init__(self, name: str, *, service: Address | Service | None = None, register: bool = True) -> None:
        self._registers = check_flag("register", register)
        self._blocking = _Blocking(name, service=service, register=False)
        self.name = self._blocking.name
        #: the calls that wait for events
        self._waiting: set[Caller] = set()

    async def subscribe(
        self,
        topic: Topics,
        *,
        start: StartPosition | None = None,
        filters: Filters | None = None,
        ack_deadline: Seconds | None = None,
        max_attempts: int | None = None,
        backoff: Seconds | None = None,
        dead_letter_topic: Topic | str | None = None,
        ordered: bool | None = None,
    ) -> None:
        """As `pubsubclient.Subscriber.subscribe`."""
        await call(
            self._blocking.subscribe,
            topic,
            start=start,
            filters=filters,
            ack_deadline=ack_deadline,
            max_attempts=max_attempts,
            backoff=backoff,
            dead_letter_topic=dead_letter_topic,
            ordered=ordered,
        )

    async def unsubscribe(self, topic: Topics) -> None:
        """As `pubsubclient.Subscriber.unsubscribe`."""
        await call(self._blocking.unsubscribe, topic)

    async def seek(self, topic: Topics, to: StartPosition) -> None:
        """As `pubsubclient.Subscriber.seek`."""
        await call(self._blocking.seek, topic, to)

    async def position(self) -> Position:
        """As `pubsubclient.Subscriber.position`."""
        return await call(self._blocking.position)

    async def state(self) -> SubscriberState:
        """As `pubsubclient.Subscriber.state`."""
        return await call(self._blocking.state)

    async def explain(self, event: Event | str, topic: Topic | str | None = None) -> Explanation:
        """As `pubsubclient.Subscriber.explain`."""
        return await call(self._blocking.explain, event, topic)

    async def redrive(self, topic: Topics, *, filters: Filters = ()) -> int:
        """As `pubsubclient.Subscriber.redrive`. When it is cancelled, it goes on in its thread."""
        return await call(self._blocking.redrive, topic, filters=filters)

    async def get_events(self, max_events: int | None = None, wait: Seconds = 0) -> Events:
        """As `pubsubclient.Subscriber.get_events`, for tasks: acknowledges the events of this task's last call."""
        return await self._fetch(partial(self._blocking.get_events, max_events, wait))

    def events(self, *, wait: Seconds | None = None, max_events: int = 100) -> EventStream:
        """As `pubsubclient.Subscriber.events`: ``async for event in subscriber.events():``, in any number of tasks.

        Cancelling a task that waits for the next event ends the loop.
        """
        return EventStream(self._blocking.stream(wait, max_events), self._blocking.register)

    async def fetch(
        self, max_events: int | None = None, wait: Seconds = 0, *, settle: Outcomes | None = None
    ) -> Events:
        """As `pubsubclient.Subscriber.fetch`."""
        return await self._fetch(partial(self._blocking.fetch, max_events, wait, settle=blocking_outcomes(settle)))

    def outcomes(self, within: Seconds = 0.05) -> Outcomes:
        """As `pubsubclient.Subscriber.outcomes`."""
        return Outcomes(self._blocking.outcomes(within))

    def pull(self, max_events: int | None = None, wait: Seconds = 0) -> Pull:
        """As `pubsubclient.Subscriber.pull`: ``async with subscriber.pull(max_events=10) as events:``.

        When a cancellation leaves the block, its events are given back as not handled (release).
        """
        return Pull(self._blocking.pull(max_events, wait), self._waiting)

    async def delete(self, *, force: bool = False) -> None:
        """As `pubsubclient.Subscriber.delete`."""
        self._end_waits()
        await call(self._blocking.delete, force=force)

    async def close(self) -> None:
        """As `pubsubclient.Subscriber.close`: acknowledges what this task holds, and releases what other tasks do."""
        self._end_waits()
        await call(self._blocking.close)

    async def __aenter__(self) -> Subscriber:
        if self._registers:
            await call(self._blocking.register)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_waits()
        await call(self._blocking.__exit__, kind, error, traceback)

    def __repr__(self) -> str:
        return repr(self._blocking)

    def _end_waits(self) -> None:
        """End the waits of all tasks; they return without events."""
        for caller in list(self._waiting):
            caller.cancellation.cancel()

    async def _fetch(self, fetch: Callable[[], event_list.Events]) -> Events:
        def fetch_both() -> tuple[event_list.Events, Events]:
            blocking = fetch()
            return blocking, Events(blocking)

        _, events = await wait_for(fetch_both, lambda both: both[0].release(), self._waiting)
        return events
