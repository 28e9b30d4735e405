"""Signals between processes: sends of one program become events, and events become sends of another.

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

from pubsubclient import dispatcher
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.own_loop import NoPlaceForLoop, OwnLoop
from pubsubclient._events.event import Event, ReceivedEvent
from pubsubclient._publish.publisher import Publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient.signals import AsyncReceiverError, Signal
from pubsubclient.signals._engine.origin import safe_repr
from pubsubclient.signals._engine.send import needs_await

__all__ = ["Bridge", "RemotePublisher", "remote"]

#: the extension attribute that names the bridge which published an event
_ORIGIN = "bridge"
_SOURCE = "/publishers/"
#: of so many signals a bridge remembers that it has warned about them; it warns of no others
_MAX_WARNED = 1000
#: so much of a signal is shown in a warning, characters
_MAX_SHOWN = 200

_NO_PLACE = (
    "listen cannot await an async receiver in a thread that is inside an event loop already: call it in another one, "
    "as by await asyncio.to_thread(bridge.listen)"
)

_log = logging.getLogger("pubsubclient.bridge")


class RemotePublisher:
    """The sender of signals that came over a bridge: it stands for their publisher. Made by `remote`."""

    def __init__(self, name: str) -> None:
        #: the publisher's name; the whole source of events that no Publisher made
        self.name = name

    def __repr__(self) -> str:
        return f"RemotePublisher({self.name!r})"


#: one for each name, for good: a connection to a sender lives as long as the sender
_remotes: dict[str, RemotePublisher] = {}


def remote(publisher: str) -> RemotePublisher:
    """The sender that stands for a publisher, always the same object: ``connect(f, "orders", sender=remote("shop"))``."""
    return _remotes.get(publisher) or _remotes.setdefault(publisher, RemotePublisher(publisher))


class Bridge:
    """Connects the dispatcher of this process with the topics of a service. Thread-safe.

    A signal's name is its topic, and its named arguments are the event's data. What came over a bridge is not forwarded
    again, and what this bridge forwarded it does not hear again, so bridges may be set up in both directions.

    Args:
        publisher: publishes what is forwarded; None for a bridge that only listens
        subscriber: its events are what `listen` hears; None for a bridge that only forwards
    """

    def __init__(self, publisher: Publisher | None = None, subscriber: Subscriber | None = None) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._id = uuid.uuid4().hex
        self._connections: list[dispatcher.Connection] = []
        #: the signals warned about, as they are shown
        self._warned: dict[str, None] = {}

    def forward(self, signal: Hashable, sender: object = dispatcher.Any) -> dispatcher.Connection:
        """Publish every local send of a signal from now on, before ``send`` returns.

        The send's list of responses holds the `Receipt`. An error of publishing leaves the send as any receiver's does.

        Args:
            signal: a topic's name, a `Signal` whose name is one, or Any: whatever is sent. A signal that names no topic
                is then not forwarded; the first send of each is logged as a WARNING
            sender: only what this sender sends

        Returns:
            the connection; disconnecting it ends the forwarding

        Raises:
            InvalidArgument: the signal names no topic, or the bridge has no publisher; from ``send``: the arguments
                are no JSON, or there are positional ones
            PublishError: from ``send``, see `Publisher.publish`
        """
        if self._publisher is None:
            raise InvalidArgument("forward: this bridge was made without a publisher.")
        if signal is not dispatcher.Any:
            _topic_of(signal)
        connection = dispatcher.connect(self._forwarded, signal=signal, sender=sender, weak=False)
        self._connections.append(connection)
        return connection

    def listen(
        self, *, wait: float | None = None, max_events: int = 100, signals: Iterable[Signal[AnyValue, AnyValue]] = ()
    ) -> int:
        """Send received events as local signals, until the subscriber is closed: signal = topic, sender = `remote`.

        Data that is a JSON object becomes named arguments; other data is the one argument ``data``. When a receiver
        raises, the event is given back (nack) and comes again; it is acknowledged when all have returned. Async receivers
        are awaited one after the other, on an event loop that this call makes and closes. What they have started and not
        awaited is no part of that: it goes on while an event is awaited, and is cancelled in the end.

        Args:
            wait: end when nothing has come for so many seconds; by default only `Subscriber.close` ends it
            max_events: lease at most so many events at once, 1 to 5,000
            signals: send these Signal objects, by their names, in place of the topic's name

        Returns:
            how many events were handled without an error

        Raises:
            InvalidArgument: the bridge has no subscriber, or an argument is out of its range
            AsyncReceiverError: an event met an async receiver, and this thread is inside an event loop already; call
                listen in a thread, as by ``await asyncio.to_thread(bridge.listen)``
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
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, it failed
                    _log.exception("A receiver of %r failed on the event %s", event.topic, event.id)
                    event.nack(reason=_text_of(error))
                else:
                    handled += 1
        return handled

    def close(self) -> None:
        """End all forwarding. The publisher and the subscriber stay as they are."""
        while self._connections:
            self._connections.pop().disconnect()

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _forwarded(self, *arguments: AnyValue, signal: Hashable, sender: object, **named: AnyValue) -> Receipt | None:
        """The receiver that forwards."""
        if isinstance(sender, RemotePublisher) or self._publisher is None:
            return None  # it came over a bridge
        try:
            topic = _topic_of(signal)
        except InvalidArgument as error:  # only Any brings it here
            self._warn(signal, error)
            return None
        if arguments:
            raise InvalidArgument(
                f"A forwarded signal takes named arguments only; {signal!r} was sent with positional ones."
            )
        return self._publisher.publish(Event(topic, named, type="signal", attributes={_ORIGIN: self._id}))

    def _warn(self, signal: Hashable, error: InvalidArgument) -> None:
        """Say once of each signal that it is not forwarded."""
        shown = safe_repr(signal)[:_MAX_SHOWN]
        if shown in self._warned or len(self._warned) > _MAX_WARNED:
            return
        self._warned[shown] = None
        if len(self._warned) <= _MAX_WARNED:
            _log.warning("Not forwarded: %.*s", 2 * _MAX_SHOWN, error)
        else:
            _log.warning("More than %d signals are not forwarded. The others are not named", _MAX_WARNED)


def _send(signal: Hashable, sender: object, arguments: dict[str, AnyValue], loop: OwnLoop) -> None:
    """Send, and come back when all that the receivers gave to be awaited has ended."""
    if needs_await(signal, sender):
        loop.run(dispatcher.asend(signal, sender, **arguments))
        return
    responses = [response for _, response in dispatcher.send(signal, sender, **arguments)]
    awaitables = [response for response in responses if inspect.isawaitable(response)]
    try:
        if awaitables:
            loop.run(_await_all(awaitables))
    finally:
        for left in awaitables:
            if inspect.iscoroutine(left):
                left.close()


async def _await_all(awaitables: list[Awaitable[object]]) -> None:
    """Await what plain receivers returned, one after the other, and take it off the list."""
    while awaitables:
        await awaitables.pop(0)


def _text_of(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error may refuse to be shown
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
