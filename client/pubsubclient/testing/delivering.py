"""Delivers events to apps until there are none: one coroutine, which leaves open how handlers are awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any, Literal, Protocol

from pubsubclient._app.app import App
from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import ConfigurationError, InvalidArgument
from pubsubclient._core.own_loop import NoPlaceForLoop, OwnLoop
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient.testing.receiver import Awaited, Delivery, Receiver

__all__ = ["Errors", "Round", "Until", "directly", "without_loop"]

Until = Literal["idle", "settled"]
Errors = Literal["raise", "keep"]


class Clock(Protocol):
    """What moves the time between two deliveries."""

    def advance(self, seconds: float) -> None: ...
    def next_due_s(self, subscriber: str) -> float | None: ...


class Round:
    """One call of `Local.deliver`.

    Args:
        service: where the events are
        clock: moves the time, and says when the next event is due
        apps: whose handlers to run
        pauses: by subscriber, until when a handler has paused it; kept from call to call
    """

    def __init__(
        self,
        service: Service,
        clock: Clock,
        apps: Sequence[App | Subscriber],
        pauses: dict[str, float],
        until: Until,
        errors: Errors,
    ) -> None:
        if not apps:
            raise InvalidArgument("deliver: expected at least one App or Subscriber.")
        for app in apps:
            if not isinstance(app, App | Subscriber):
                raise InvalidArgument(f"deliver: expected Apps and Subscribers; got {shown(app)}.")
        if until not in {"idle", "settled"}:
            raise InvalidArgument(f"until: expected 'idle' or 'settled'; got {shown(until)}.")
        if errors not in {"raise", "keep"}:
            raise InvalidArgument(f"errors: expected 'raise' or 'keep'; got {shown(errors)}.")
        self._clock = clock
        self._settled = until == "settled"
        self._raises = errors == "raise"
        lifespans = [app.lifespan() for app in apps if isinstance(app, App)]
        self._spans = [lifespan() for lifespan in lifespans if lifespan is not None]
        self._receivers = [receiver for app in apps for receiver in _receivers(app, service, pauses)]
        #: whether a handler or a lifespan has to be awaited
        self.needs_loop = any(receiver.is_async for receiver in self._receivers) or not all(
            isinstance(span, AbstractContextManager) for span in self._spans
        )

    async def run(self, max_events: int, awaited: Awaited) -> list[Delivery]:
        """Deliver, and return the runs. Raises RuntimeError after `max_events` of them, and what a handler raises.

        Args:
            awaited: awaits handlers and lifespans in the event loop; nothing else is waited for
        """
        deliveries: list[Delivery] = []
        async with AsyncExitStack() as stack:
            for span in self._spans:
                if isinstance(span, AbstractContextManager):
                    stack.enter_context(span)
                else:
                    await stack.enter_async_context(_Entered(span, awaited))
            await self._until_idle(deliveries, max_events, awaited)
            while self._settled and (left_s := self._next_due_s()) is not None:
                self._clock.advance(left_s)
                await self._until_idle(deliveries, max_events, awaited)
        return deliveries

    async def _until_idle(self, deliveries: list[Delivery], max_events: int, awaited: Awaited) -> None:
        came = True
        while came:
            came = False
            for receiver in self._receivers:
                before = len(deliveries)
                came = await receiver.run(deliveries, awaited) or came
                if self._raises:
                    for delivery in deliveries[before:]:
                        if delivery.error is not None:
                            raise delivery.error
                if len(deliveries) > max_events:
                    raise RuntimeError(
                        f"deliver has run over {len(deliveries)} events, more than max_events={max_events}: does a handler "
                        "publish to a topic that it handles?"
                    )

    def _next_due_s(self) -> float | None:
        """Return when something is to come, seconds from now; None if everything is settled."""
        times = []
        for receiver in self._receivers:
            due_s = self._clock.next_due_s(receiver.name)
            if due_s is not None:
                times.append(due_s)
            if receiver.pause_s:
                times.append(receiver.pause_s)
        return min(times, default=None)


def _receivers(app: App | Subscriber, service: Service, pauses: dict[str, float]) -> list[Receiver]:
    """Return what receives an app's events, after making its subscriptions."""
    transport = Transport.to(service)
    if isinstance(app, Subscriber):
        return [Receiver(transport, app.name, None, pauses)]
    consumers = app.consumers()
    if not consumers:
        raise ConfigurationError(f"{app!r} has no handlers: declare one with @app.handler(topic).")
    for consumer in consumers:
        consumer.subscribe(Subscriber(consumer.subscriber, service=service))
    return [Receiver(transport, consumer.subscriber, consumer, pauses) for consumer in consumers]


class _Entered:
    """An asynchronous lifespan, entered and left in the event loop."""

    def __init__(self, span: AbstractAsyncContextManager[Any], awaited: Awaited) -> None:
        self._span = span
        self._awaited = awaited

    async def __aenter__(self) -> None:
        await self._awaited(self._span.__aenter__())

    async def __aexit__(self, *raised: Any) -> bool | None:
        suppressed: bool | None = await self._awaited(self._span.__aexit__(*raised))
        return suppressed


async def directly(awaitable: Awaitable[Any]) -> Any:
    """Await in the loop that runs."""
    return await awaitable


def without_loop(round_: Round, max_events: int) -> list[Delivery]:
    """Run a delivery to its end. An event loop of its own runs while it is needed: plain handlers are called outside of it.

    Raises what the delivery raises, and InvalidArgument.
    """
    with OwnLoop() as loop:

        async def awaited(awaitable: Awaitable[Any]) -> Any:
            return loop.run(directly(awaitable))

        if round_.needs_loop:
            try:
                loop.run(_nothing())
            except NoPlaceForLoop:
                raise InvalidArgument(
                    "deliver: an event loop runs in this thread; use `await pubsub.adeliver(...)` in it."
                ) from None
        return _stepped(round_.run(max_events, awaited))


async def _nothing() -> None:
    """Does nothing."""


def _stepped(coroutine: Coroutine[Any, Any, list[Delivery]]) -> list[Delivery]:
    try:
        coroutine.send(None)
    except StopIteration as done:
        deliveries: list[Delivery] = done.value
        return deliveries
    coroutine.close()
    raise AssertionError("a delivery waits for nothing but what is awaited in a loop")
