"""Looking inside, for the tasks of event loops."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from pubsubclient._core.arguments import Seconds
from pubsubclient._core.filters import Filters
from pubsubclient._doctor import examine
from pubsubclient._doctor.findings import Finding
from pubsubclient._http.service import Address, Service
from pubsubclient._look import peek as blocking_peek
from pubsubclient._look.states import TopicState, subscriber_pages, topic_pages
from pubsubclient._subscribe.arguments import Topics
from pubsubclient._subscribe.descriptions import SubscriberState
from pubsubclient.aio._call import call, wait_for
from pubsubclient.aio._events import ReceivedEvent

__all__ = ["Peek", "doctor", "peek", "subscribers", "topics"]

T = TypeVar("T")


class Peek:
    """`pubsubclient.Peek`, with the same attributes; `next` is awaited, and `follow` is for ``async for``."""

    def __init__(self, blocking: blocking_peek.Peek) -> None:
        self._blocking = blocking
        self.events: Sequence[ReceivedEvent] = tuple(event.seen_as(ReceivedEvent) for event in blocking.events)
        self.cursor: str = blocking.cursor
        self.more: bool = blocking.more
        self.lost: Mapping[str, int] = blocking.lost
        self.states: Mapping[str, Mapping[str, str]] = blocking.states
        self.retry_after_s: float | None = blocking.retry_after_s

    async def next(self, *, max_events: int | None = None, wait: Seconds = 0) -> Peek:
        """As `pubsubclient.Peek.next`."""
        return Peek(await wait_for(partial(self._blocking.next, max_events=max_events, wait=wait), _nothing))

    async def follow(self, *, max_events: int | None = None) -> AsyncGenerator[ReceivedEvent, None]:
        """As `pubsubclient.Peek.follow`. A thread is asked once for the events of a request."""
        async for peeked in _one_by_one(blocking_peek.follow(self._blocking, max_events)):
            for event in peeked.events:
                yield event.seen_as(ReceivedEvent)

    def __repr__(self) -> str:
        return repr(self._blocking)


async def peek(
    topics: Topics | Iterable[Topics] = (),
    *,
    start: datetime | str | None = None,
    last: int | None = None,
    filters: Filters | None = None,
    cursor: str | None = None,
    of: str | None = None,
    max_events: int | None = None,
    wait: Seconds = 0,
    service: Address | Service | None = None,
) -> Peek:
    """As `pubsubclient.peek`."""
    look = partial(
        blocking_peek.peek,
        topics,
        start=start,
        last=last,
        filters=filters,
        cursor=cursor,
        of=of,
        max_events=max_events,
        wait=wait,
        service=service,
    )
    return Peek(await wait_for(look, _nothing))


async def topics(*, service: Address | Service | None = None) -> AsyncGenerator[TopicState, None]:
    """As `pubsubclient.topics`, for ``async for``."""
    async for page in _one_by_one(topic_pages(service)):
        for state in page:
            yield state


async def subscribers(*, service: Address | Service | None = None) -> AsyncGenerator[SubscriberState, None]:
    """As `pubsubclient.subscribers`, for ``async for``."""
    async for page in _one_by_one(subscriber_pages(service)):
        for state in page:
            yield state


async def doctor(service: Address | Service | None = None) -> list[Finding]:
    """As `pubsubclient.doctor`."""
    return await call(examine.doctor, service)


async def _one_by_one(answers: Iterator[T]) -> AsyncGenerator[T, None]:
    """Yield what an iterator does, each made by a thread."""
    while (answer := await wait_for(partial(next, answers, None), _nothing)) is not None:
        yield answer


def _nothing(_: object) -> None:
    """What was only looked at needs no giving back."""
