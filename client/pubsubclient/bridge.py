"""Sends signals between processes: a bridge publishes local signals as events, and sends received events as signals.

# one program                                   # the other
bridge = Bridge(Publisher("shop"))              dispatcher.connect(on_paid, signal="orders.paid")
bridge.forward("orders.paid")                   subscriber = Subscriber("billing")
dispatcher.send("orders.paid", number=17)       subscriber.subscribe("orders.paid")
                                                Bridge(subscriber=subscriber).listen()
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import Awaitable, Hashable, Iterable
from types import TracebackType
from typing import Any as AnyValue

from pubsubclient import Event, InvalidArgument, Publisher, Receipt, ReceivedEvent, Subscriber, dispatcher
from pubsubclient._core.own_loop import NoPlaceForLoop, OwnLoop
from pubsubclient.signals import AsyncReceiverError, Signal
from pubsubclient.signals._engine.origin import safe_repr
from pubsubclient.signals._engine.send import needs_await

__all__ = ["Bridge", "RemotePublisher", "remote"]

#: the extension attribute that names the bridge which published an event
_ORIGIN = "bridge"
_SOURCE = "/publishers/"
#: a bridge warns about at most this many signals that are not forwarded
_MAX_WARNED = 1000
#: how many characters of a signal a warning shows
_MAX_SHOWN = 200

_NO_PLACE = (
    "listen cannot await an async receiver in a thread that runs an event loop already: call it in another thread, "
    "as by await asyncio.to_thread(bridge.listen)"
)

_log = logging.getLogger("pubsubclient.bridge")


class RemotePublisher:
    """The sender of signals received over a bridge; represents the publisher of the events. Made by `remote`."""

    def __init__(self, name: str) -> None:
        #: the publisher's name; for events whose source is not ``/publishers/NAME``, the whole source
        self.name = name

    def __repr__(self) -> str:
        return f"RemotePublisher({self.name!r})"


#: one object per name, kept forever, because a connection to a sender ends when the sender is garbage-collected
_remotes: dict[str, RemotePublisher] = {}


def remote(publisher: str) -> RemotePublisher:
    """Return the sender that represents a publisher: ``connect(f, "orders", sender=remote("shop"))``. One object per name."""
    return _remotes.get(publisher) or _remotes.setdefault(publisher, RemotePublisher(publisher))


class Bridge:
    """Connects the dispatcher of this process with the topics of a service. Thread-safe.

    A signal's name becomes the topic, and its named arguments become the event's data. A bridge does not forward signals that
    were received over a bridge, and does not receive its own events. So bridges can be set up in both directions.

    Args:
        publisher: publishes the forwarded signals; None for a bridge that only listens
        subscriber: receives the events for `listen`; None for a bridge that only forwards
    """

    def __init__(self, publisher: Publisher | None = None, subscriber: Subscriber | None = None) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._id = uuid.uuid4().hex
        self._connections: list[dispatcher.Connection] = []
        #: the texts of the signals that were warned about
        self._warned: dict[str, None] = {}

    def forward(self, signal: Hashable, sender: object = dispatcher.Any) -> dispatcher.Connection:
        """Publish every local send of a signal from now on, before ``send`` returns.

        The send's list of responses contains the `Receipt`. A publish error propagates like an exception of any receiver.

        Args:
            signal: a topic's name, a `Signal` whose name is one, or Any for all signals. With Any, signals that name no topic
                are not forwarded; the first send of each is logged as a WARNING
            sender: forward only sends of this sender

        Returns:
            the connection; disconnect it to end the forwarding

        Raises:
            InvalidArgument: the signal names no topic, or the bridge has no publisher; from ``send``: arguments cannot be
                encoded as JSON, or are positional
            PublishError: from ``send``, see `Publisher.publish`
        """
        if self._publisher is None:
            raise InvalidArgument("forward: this bridge was made without a publisher.")
        if signal is not dispatcher.Any:
            _topic_of(signal)
        connection = dispatcher.connect(self._forward_send, signal=signal, sender=sender, weak=False)
        self._connections.append(connection)
        return connection

    def listen(
        self, *, wait: float | None = None, max_events: int = 100, signals: Iterable[Signal[AnyValue, AnyValue]] = ()
    ) -> int:
        """Send received events as local signals until the subscriber is closed. The topic is the signal; `remote` the sender.

        Data that is a JSON object becomes named arguments; other data becomes the single argument ``data``. The event is
        acknowledged when all receivers have returned. If a receiver raises, the event is nacked and delivered again. Async
        receivers are awaited one after another, on an event loop that this call creates and closes. Tasks that they start and
        do not await run only while later receivers are awaited, and are cancelled at the end.

        Args:
            wait: end when no event has arrived for this many seconds; by default only `Subscriber.close` ends the call
            max_events: lease at most this many events at once, 1 to 5,000
            signals: for topics with the names of these Signal objects, send the objects instead of the names

        Returns:
            how many events were handled without an error

        Raises:
            InvalidArgument: the bridge has no subscriber, or an argument is out of its range
            AsyncReceiverError: a receiver is async, and this thread runs an event loop already; call listen in another
                thread, as by ``await asyncio.to_thread(bridge.listen)``
            ServiceError, Unavailable: see `Subscriber.events`
        """
        if self._subscriber is None:
            raise InvalidArgument("listen: this bridge was made without a subscriber.")
        objects: dict[str, Hashable] = {_topic_of(signal): signal for signal in signals}
        handled = 0
        with OwnLoop() as loop:
            for event in self._subscriber.events(wait=wait, max_events=max_events):
                if event.attributes.get(_ORIGIN) == self._id:
                    continue
                signal, sender = objects.get(event.topic, event.topic), _sender_of(event)
                try:
                    _send(signal, sender, _arguments_of(event), loop)
                except NoPlaceForLoop:
                    event.nack(reason="no async receiver can be awaited here")
                    raise AsyncReceiverError(_NO_PLACE, signal=signal) from None
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - any error of a receiver means nack
                    _log.exception("A receiver of %r failed on the event %s", event.topic, event.id)
                    event.nack(reason=_text_of(error))
                else:
                    handled += 1
        return handled

    def close(self) -> None:
        """End all forwarding. The publisher and the subscriber stay open."""
        while self._connections:
            self._connections.pop().disconnect()

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _forward_send(
        self, *arguments: AnyValue, signal: Hashable, sender: object, **named: AnyValue
    ) -> Receipt | None:
        """Publish one send: the receiver that `forward` connects."""
        if isinstance(sender, RemotePublisher) or self._publisher is None:
            return None  # received over a bridge: do not forward it again
        try:
            topic = _topic_of(signal)
        except InvalidArgument as error:  # possible only for signal=Any; other signals were checked by `forward`
            self._warn(signal, error)
            return None
        if arguments:
            raise InvalidArgument(
                f"A forwarded signal takes named arguments only; {signal!r} was sent with positional ones."
            )
        return self._publisher.publish(Event(topic, named, type="signal", attributes={_ORIGIN: self._id}))

    def _warn(self, signal: Hashable, error: InvalidArgument) -> None:
        """Log, once per signal, that it is not forwarded."""
        shown = safe_repr(signal)[:_MAX_SHOWN]
        if shown in self._warned or len(self._warned) > _MAX_WARNED:
            return
        self._warned[shown] = None
        if len(self._warned) <= _MAX_WARNED:
            _log.warning("Not forwarded: %.*s", 2 * _MAX_SHOWN, error)
        else:
            _log.warning("More than %d signals are not forwarded. Further ones are not logged", _MAX_WARNED)


def _send(signal: Hashable, sender: object, arguments: dict[str, AnyValue], loop: OwnLoop) -> None:
    """Send a signal, and return when all awaitables of its receivers have ended."""
    if needs_await(signal, sender):
        loop.run(dispatcher.asend(signal, sender, **arguments))
        return
    responses = [response for _, response in dispatcher.send(signal, sender, **arguments)]
    awaitables = [response for response in responses if inspect.isawaitable(response)]
    try:
        if awaitables:
            loop.run(_await_all(awaitables))
    finally:
        for awaitable in awaitables:  # those that were not awaited, after an error
            if inspect.iscoroutine(awaitable):
                awaitable.close()


async def _await_all(awaitables: list[Awaitable[object]]) -> None:
    """Await the awaitables that plain receivers returned, in order; remove each from the list before."""
    while awaitables:
        await awaitables.pop(0)


def _text_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error's own __str__ may raise
        return type(error).__name__


def _topic_of(signal: Hashable) -> str:
    name = signal.__name__ if isinstance(signal, Signal) else signal
    if not isinstance(name, str):
        raise InvalidArgument(
            f"A forwarded signal is a topic's name or a Signal that has one; got {safe_repr(signal)}."
        )
    return Event(name).topic  # checks the name


def _sender_of(event: ReceivedEvent) -> RemotePublisher:
    return remote((event.source or "").removeprefix(_SOURCE))


def _arguments_of(event: ReceivedEvent) -> dict[str, AnyValue]:
    data = event.data
    if isinstance(data, dict) and not data.keys() & {"signal", "sender"}:
        return data
    return {"data": data}
