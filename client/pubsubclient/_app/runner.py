"""Runs a handler's function over events, and says what becomes of them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, NamedTuple

from pubsubclient._app.declaration import Declaration
from pubsubclient._core.arguments import clean, shown
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.observing import NOTHING, observer
from pubsubclient._core.typed_data import Unfit
from pubsubclient._events.event import Event
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import topic_name
from pubsubclient._worker.outcome import Outcome, Pause, Reject, Retry

__all__ = ["Around", "Runner"]

#: makes a context manager, which a run is wrapped in, of its event
Around = Callable[[ReceivedEvent], AbstractContextManager[Any] | AbstractAsyncContextManager[Any]]

#: the namespace of the ids of answers, a UUID
_ANSWERS = "6d3f2e0c-4f0b-5a38-9b0e-1d4c5f2f7a61"
#: how many characters of a reason the service keeps
_MAX_REASON = 200

_log = logging.getLogger("pubsubclient.app")


class Runner:
    """A declared handler under a subscriber's name: a `Handler` that workers and tests run.

    Args:
        declared: the function and its options
        subscriber: the name under which the events are received
        arounds: what each run is wrapped in, the outermost first
        publish: publishes an answer; raises PubSubError
    """

    def __init__(
        self, declared: Declaration, subscriber: str, arounds: Sequence[Around], publish: Callable[[Event], object]
    ) -> None:
        self.name = declared.name
        self.is_async = declared.is_async
        self.batch = declared.batch
        self.timeout_s = declared.timeout_s
        self.concurrency = declared.concurrency
        self.max_attempts: int | None = declared.settings.get("max_attempts")
        self.takes = declared.takes
        self._declared = declared
        self._parameters = declared.parameters
        self._ordered = declared.settings.get("ordered") is True
        self._subscriber = subscriber
        self._arounds = arounds
        self._publish = publish

    def lane(self, event: ReceivedEvent) -> Hashable | None:
        """Return the lane of an event: by default an ordered topic is one, and other events have none."""
        lane = self._declared.lane
        if lane is None:
            return event.topic if self._ordered else None
        if isinstance(lane, str):
            return (lane, event.members.get(lane))
        try:
            found = lane(event)
            hash(found)
        except Exception as error:  # noqa: BLE001 - the program's function may raise anything
            _log.warning("%s: the lane of event %s is not known, so its topic is: %r", self.name, event.id, error)
            return event.topic
        return found

    def run(self, events: Sequence[ReceivedEvent]) -> Outcome:
        """Run the function over these events, in this thread."""
        try:
            with self._wrapped(events):
                fitting, data, unfit = self._decode(events)
                for event, fault in unfit:
                    event.nack(reason=fault, dead=True)
                if fitting:
                    answer = self._answer(events[0], _returned(self._call(fitting, data)))
                    if answer is not None:
                        self._publish(answer)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the function raises decides about its events alone
            return _outcome(events, error)
        return _outcome(events, None)

    async def run_async(self, events: Sequence[ReceivedEvent]) -> Outcome:
        """Run an ``async def`` function over these events, in the running loop; requests are sent by threads."""
        import asyncio  # noqa: PLC0415 - the loop runs, so it is imported already; apps without one need not load it

        try:
            async with self._wrapped_async(events):
                fitting, data, unfit = self._decode(events)
                for event, fault in unfit:
                    await asyncio.to_thread(event.nack, reason=fault, dead=True)
                if fitting:
                    answer = self._answer(events[0], await self._call(fitting, data))
                    if answer is not None:
                        await asyncio.to_thread(self._publish, answer)
        except (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - as in `run`
            return _outcome(events, error)
        return _outcome(events, None)

    def _wrapped(self, events: Sequence[ReceivedEvent]) -> AbstractContextManager[Any]:
        """Return the context of a run. A batch has that of its first event."""
        arounds = self._watched(events)
        return _nested(arounds, events[0]) if arounds else NOTHING

    def _wrapped_async(self, events: Sequence[ReceivedEvent]) -> AbstractAsyncContextManager[Any]:
        """Return the context of a run of an ``async def`` function."""
        arounds = self._watched(events)
        return _nested_async(arounds, events[0]) if arounds else NOTHING

    def _watched(self, events: Sequence[ReceivedEvent]) -> Sequence[Around]:
        """Return what a run is wrapped in, with what watches it outermost, if anything does."""
        watching = observer()
        if watching is None:
            return self._arounds
        return [lambda _: watching.processing(events, self._subscriber), *self._arounds]

    def _decode(self, events: Sequence[ReceivedEvent]) -> _Decoded:
        """Decode the data of a run. Raises Reject if a single event does not fit; of a batch, those that do not are listed."""
        if self.batch is None:
            try:
                return _Decoded(events, [self._parameters.decode(events[0])], [])
            except Unfit as fault:
                raise Reject(str(fault)) from fault
        decoded = _Decoded([], [], [])
        for event in events:
            try:
                data = self._parameters.decode(event)
            except Unfit as fault:  # noqa: PERF203 - each event is judged by itself
                decoded.unfit.append((event, str(fault)))
            else:
                decoded.fitting.append(event)
                decoded.data.append(data)
        return decoded

    def _call(self, events: Sequence[ReceivedEvent], data: Sequence[Any]) -> Any:
        function = self._declared.function
        if self.batch is None:
            return self._parameters.call(function, events[0], data[0])
        return self._parameters.call(function, events, data)

    def _answer(self, event: ReceivedEvent, result: Any) -> Event | None:
        """Make an event of what the function returned: with the same id for each run over the same event."""
        topic = self._declared.publish_to
        if topic is None or result is None:
            return None
        name = topic_name(topic)
        id_ = _answer_id(event, self._subscriber, name)
        to: Any = topic  # a union of both is more than the overloads of Event say
        if not isinstance(result, Event):
            return Event(to, result, id=id_)
        if result.topic != name:
            raise InvalidArgument(f"publish_to: expected an event of the topic {name!r}; got {result!r}.")
        return Event(
            to,
            result.data,
            id=id_,
            type=result.type,
            subject=result.subject,
            time=result.time,
            attributes=result.attributes,
        )


class _Decoded(NamedTuple):
    """The events of a run and their data, and the events whose data does not fit, with the reasons."""

    fitting: Any
    data: list[Any]
    unfit: list[tuple[ReceivedEvent, str]]


@contextmanager
def _nested(arounds: Sequence[Around], event: ReceivedEvent) -> Iterator[None]:
    """Enter all of them. Raises TypeError for a context manager that only ``async with`` takes."""
    with ExitStack() as stack:
        for make in arounds:
            manager = make(event)
            if not isinstance(manager, AbstractContextManager):
                raise TypeError(f"around: expected a context manager for a plain handler; got {shown(manager)}")
            stack.enter_context(manager)
        yield


@asynccontextmanager
async def _nested_async(arounds: Sequence[Around], event: ReceivedEvent) -> AsyncIterator[None]:
    """Enter all of them, by ``async with`` where that is possible."""
    async with AsyncExitStack() as stack:
        for make in arounds:
            manager = make(event)
            if isinstance(manager, AbstractAsyncContextManager):
                await stack.enter_async_context(manager)
            else:
                stack.enter_context(manager)
        yield


def _answer_id(event: ReceivedEvent, subscriber: str, topic: str) -> str:
    """Return the id of the answer to an event: the same each time (a UUID of RFC 9562, version 5)."""
    from uuid import UUID, uuid5  # noqa: PLC0415 - most programs have no answers, and do not load it

    return str(uuid5(UUID(_ANSWERS), "\n".join((event.source or "", event.id, subscriber, topic))))


def _returned(result: Any) -> Any:
    """Return what the function returned. Raises TypeError for what would have to be awaited."""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("the function returned an awaitable: declare it with async def, so that it is awaited")
    return result


def _outcome(events: Sequence[ReceivedEvent], error: BaseException | None) -> Outcome:
    """Say what the end of a run means for its events; the handler's own settlements stand."""
    fatal = isinstance(error, MemoryError)
    if all(event.settled for event in events):
        return Outcome("settled", error=error, fatal=fatal)
    if error is None:
        return Outcome("ack")
    if isinstance(error, Retry):
        return Outcome("retry", _reason(error.reason), error.delay, error)
    if isinstance(error, Reject):
        return Outcome("reject", _reason(error.reason), None, error)
    if isinstance(error, Pause):
        return Outcome("pause", _reason(error.reason), error.seconds, error)
    return Outcome("retry", _reason(_described(error)), None, error, fatal)


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - foreign errors may raise anything
        return type(error).__name__


def _reason(text: str) -> str | None:
    return clean("reason", text)[:_MAX_REASON] or None
