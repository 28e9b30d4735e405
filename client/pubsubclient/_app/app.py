"""An app: a program's handlers and its publisher, under one name, declared at import without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isfunction
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from pubsubclient._app.consumers import by_subscriber, subscriptions_of
from pubsubclient._app.declaration import Lane, declare
from pubsubclient._app.lifespan import Lifespan, joined
from pubsubclient._app.part import Part
from pubsubclient._app.runner import Around, Runner
from pubsubclient._core.arguments import Seconds, shown, unpicklable
from pubsubclient._core.errors import ConfigurationError, InvalidArgument, NoServiceNamed
from pubsubclient._core.filters import Filters
from pubsubclient._core.names import check_name
from pubsubclient._events.event import Event
from pubsubclient._events.topic import T, Topic, topic_name
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.arguments import StartPosition, Topics
from pubsubclient._worker.handler import Consumer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._app.annotations import Declare, HandlerOptions, WorkerOptions
    from pubsubclient._events.event import EventMembers
    from pubsubclient._outbox.outbox import Outbox
    from pubsubclient._worker.worker import Worker
    from pubsubclient.signals.wildcard import AnyType

__all__ = ["App"]

F = TypeVar("F", bound=Callable[..., Any])
A = TypeVar("A", bound=Around)


class App:
    """A program's handlers and its publisher, under one name. Makes no request until it is used. Thread-safe.

    Args:
        name: the subscriber's name for the handlers, and the publisher's for `publish`; as for `Subscriber`
        service: the service, as for `Publisher`. By default it is looked for at the first use, so `configure` and tests can
            still set it until then
        lifespan: returns a context manager, plain or asynchronous, which is entered before the first handler runs and left
            after the last one has ended, once a process
        publishes: the topics that the program publishes to, beside its handlers' answers, or their names; told by `asyncapi`

    Raises:
        InvalidArgument: the name is not valid, or that of a topic
    """

    def __init__(
        self,
        name: str,
        *,
        service: Address | Service | None = None,
        lifespan: Lifespan | None = None,
        publishes: Iterable[Topic[Any] | str] = (),
    ) -> None:
        self.name = check_name("subscriber", name)
        self._part = Part(self.name, service, lifespan, publishes=_topics(publishes))

    @overload
    def handler(self, topic: Topic[T], *, batch: int, **options: Unpack[HandlerOptions]) -> Declare[list[T]]: ...
    @overload
    def handler(self, topic: Topic[T], *, batch: None = None, **options: Unpack[HandlerOptions]) -> Declare[T]: ...
    @overload
    def handler(
        self, topic: str | AnyType, *, batch: int | None = None, **options: Unpack[HandlerOptions]
    ) -> Callable[[F], F]: ...

    def handler(
        self,
        topic: Topics,
        *,
        type: str | None = None,  # noqa: A002 - CloudEvents' own name
        subscriber: str | None = None,
        filters: Filters | None = None,
        start: StartPosition | None = None,
        ack_deadline: Seconds | None = None,
        max_attempts: int | None = None,
        backoff: Seconds | None = None,
        dead_letter_topic: Topic[Any] | str | None = None,
        ordered: bool | None = None,
        lane: Lane | None = None,
        timeout: Seconds | None = None,
        concurrency: int | None = None,
        batch: int | None = None,
        publish_to: Topic[Any] | str | None = None,
    ) -> Any:
        """Declare a handler: ``@app.handler("orders")``. The function is returned as it is, and can be called as before.

        The function may be ``async def``. It takes the event's data, in a parameter whose annotation says what the data is
        decoded to (without one: as the topic's `of` says, or as it came); the event, in parameters annotated `Event` or
        `ReceivedEvent`; both; or nothing. What becomes of the event when it returns or raises is in docs/handlers.md.

        Args:
            topic: a topic, its name, a pattern of names, or `Any`
            type: only events of this type; others are not delivered
            subscriber: the subscriber's name; by default the app's. Handlers of one name share its events: an event goes to
                the first that takes it. With another name, an event is handled twice, each time with attempts of its own
            filters: deliver only events that match all of these, and `type`; these settings are described at
                `Subscriber.subscribe`
            start: where a new subscription begins
            ack_deadline: an event that stays unsettled for this long is delivered again, seconds
            max_attempts: deliveries before an event becomes a dead letter
            backoff: delay before the redelivery of an event that failed, seconds
            dead_letter_topic: the topic for dead letters
            ordered: deliver no newer event of the topic while an older one is unsettled
            lane: an attribute's name, or a function of the event: events of one lane are handled one after another, in order.
                By default all events of an `ordered` topic are one lane
            timeout: seconds after which a run has failed; an ``async def`` function is cancelled, a plain one goes on, but
                its outcome is ignored
            concurrency: the most runs of this handler at one time, 1 to 10,000; by default what the worker has room for
            batch: the function takes lists of at most this many events, 1 to 1,000, and succeeds or fails as a whole. Events
                whose data does not fit become dead letters by themselves
            publish_to: publish what the function returns to this topic, unless it is None, before the event is acknowledged.
                An `Event` is published with its type, subject, time and attributes. Its id is made of the event's, so that a
                handler that runs again within 10 minutes stores its answer once

        Raises:
            ConfigurationError: two parameters take the data; an annotation cannot be decoded; a handler of the name that was
                declared before takes all events that this one would, or has other settings of the topic
            InvalidArgument: an option is of a wrong type or out of its range
        """
        if isfunction(topic):
            raise ConfigurationError(
                f'handler: expected a topic; got the function {topic.__qualname__}. Write @app.handler("orders").'
            )
        settings = {
            "start": start,
            "ack_deadline": ack_deadline,
            "max_attempts": max_attempts,
            "backoff": backoff,
            "dead_letter_topic": dead_letter_topic,
            "ordered": ordered,
        }

        def decorate(function: F) -> F:
            declared = declare(
                function,
                topic,
                type=type,
                subscriber=subscriber,
                filters=filters,
                lane=lane,
                timeout=timeout,
                concurrency=concurrency,
                batch=batch,
                publish_to=publish_to,
                settings=settings,
            )
            self._part.declare(declared)
            return function

        return decorate

    def around(self, make: A) -> A:
        """Wrap every run of a handler: ``@app.around`` on a function that takes the event and returns a context manager.

        Usually it is a generator function with `contextlib.contextmanager`. The one declared first is outermost; those of an
        including app are outside of the included app's. For ``async def`` functions it is entered by ``async with`` if it
        has that. It may raise `Retry`, `Reject` or `Pause` in place of what came out of the handler; if it
        suppresses an exception, the event is acknowledged. A batch is wrapped once, with its first event.

        Raises:
            ConfigurationError: `make` cannot be called
        """
        if not callable(make):
            raise ConfigurationError(f"around: expected a function that returns a context manager; got {shown(make)}.")
        self._part.arounds.append(make)
        return make

    def include(self, other: App) -> None:
        """Make an app that another module declares a part of this one, with all that it declares before and after.

        Its handlers get this app's name, unless `handler` gave them another; its `publish` publishes under this app's name to
        this app's service. Its lifespan is entered after this app's.

        Raises:
            ConfigurationError: the other app is part of an app already, or includes this one; or handlers of both have the
                same topic and type, or other settings of a topic
        """
        if not isinstance(other, App):
            raise ConfigurationError(f"include: expected an App; got {shown(other)}.")
        self._part.include(other._part)

    def relay(self, outbox: Outbox) -> None:
        """Publish what an outbox holds for as long as a worker of this app runs, to this app's service.

        Of several workers one publishes, and the others stand by. A burst does not wait for the outbox to be empty. Tests
        call ``outbox.relay().run_once()``; `deliver` relays nothing.

        Raises:
            ConfigurationError: no `Outbox`, or one that was made without `connect`
        """
        if not callable(getattr(outbox, "relay", None)):
            raise ConfigurationError(f"relay: expected an Outbox; got {shown(outbox)}.")
        outbox.relay()  # a mistake is told here
        self._part.relays.append(lambda: outbox.relay(self._part.root.service))

    @overload
    def publish(
        self, topic: Topic[T], /, data: T, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...
    @overload
    def publish(
        self, topic: Topic[Any], /, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...
    @overload
    def publish(
        self, topic: str, /, data: Any = None, *, delay: float | None = None, **event: Unpack[EventMembers]
    ) -> Receipt: ...
    @overload
    def publish(self, event: Event, /, *, delay: float | None = None) -> Receipt: ...

    def publish(self, first: Topic[Any] | str | Event, /, *data: Any, **options: Any) -> Receipt:
        """Publish an event, or data to a topic, under the app's name. For arguments and errors see `Publisher.publish`.

        The first call registers the publisher. In an ``async def`` function, call it in a thread:
        ``await asyncio.to_thread(app.publish, "orders", order)``.

        Raises:
            ConfigurationError: no service is configured
            ServiceError, Unavailable: the publisher could not be registered; nothing was published
            InvalidArgument, PublishError: as `Publisher.publish`
        """
        publisher = self._part.root.publisher()
        return publisher.publish(first, *data, **options)

    def consumers(self) -> list[Consumer]:
        """Return the subscribers that the handlers need, each with its handlers and subscriptions. Makes no request."""
        root = self._part.root

        def publish(event: Event) -> None:
            root.publisher().publish(event)

        consumers = []
        arounds = dict(root.all_handlers())
        for subscriber, handlers in by_subscriber(arounds, root.name).items():
            runners = [Runner(one, subscriber, arounds[one], publish) for one in handlers]
            consumers.append(Consumer(subscriber, runners, subscriptions_of(handlers)))
        return consumers

    def run(self, *, signals: bool = True, **options: Unpack[WorkerOptions]) -> int:
        """Handle events until SIGTERM or SIGINT, and return the exit code: ``raise SystemExit(app.run())``.

        Args:
            signals: end on SIGTERM and SIGINT; only the main thread can. Otherwise the caller ends it, or `burst`
            options: as for `worker`

        Raises:
            ConfigurationError: the app has no handlers, or no service is configured
            InvalidArgument: an option is of a wrong type or out of its range
        """
        return self.worker(**options).run(signals=signals)

    def worker(self, **options: Unpack[WorkerOptions]) -> Worker:
        """Return a worker for a thread of one's own: ``start()``, ``stop()``, ``join()``.

        Args:
            options: these, by their names:

                - ``concurrency``: threads for plain handlers, 1 to 1,000 (8)
                - ``async_concurrency``: runs of ``async def`` handlers at one time, 1 to 10,000 (100)
                - ``drain_timeout``: how long a stop waits for handlers that run, seconds (25)
                - ``burst``: end when nothing is left to do (False)
                - ``prefetch``: how many seconds of work to hold ready (1)
                - ``settle_within``: how long an outcome may wait for others, seconds (0.1)
                - ``health``: where to answer ``GET /healthz``, for instance ``"0.0.0.0:8080"``; by default nowhere
                - ``subscribe``: make or change the handlers' subscriptions at the start (True)

        Raises:
            ConfigurationError: the app has no handlers, or no service is configured
            InvalidArgument: an option is of a wrong type or out of its range
        """
        # imported late: a program that only publishes, and a web application, need no worker
        from pubsubclient._worker.options import Options  # noqa: PLC0415
        from pubsubclient._worker.worker import Worker  # noqa: PLC0415

        consumers = self.consumers()
        if not consumers:
            raise ConfigurationError(f"{self!r} has no handlers: declare one with @app.handler(topic).")
        root = self._part.root
        service = find_service(root.service)
        return Worker(consumers, service, Options(**options), joined([*root.all_relays(), *root.all_lifespans()]))

    def lifespan(self) -> Lifespan | None:
        """Return the lifespans of this app and of those that it includes, joined into one; None if there are none."""
        return joined(list(self._part.root.all_lifespans()))

    def asyncapi(
        self, *, title: str | None = None, version: str = "1.0.0", description: str | None = None
    ) -> dict[str, Any]:
        """Return what the app receives and publishes as an AsyncAPI 3.1 document, ready for `json.dumps`. Makes no request.

        Each topic is a channel, each handler a receive operation; what handlers and the program publish (`publish_to`, and
        `publishes` of the app) are send operations. Types of data are JSON Schemas. The same app gives the same document.

        Args:
            title: the document's title; by default the app's name
            version: the version of the program, not of AsyncAPI
            description: what the program does, in Markdown

        Raises:
            ConfigurationError: a type of data has no JSON Schema
        """
        from pubsubclient._app.asyncapi import document  # noqa: PLC0415 - few programs need it

        root = self._part.root
        try:
            service = find_service(root.service)
        except NoServiceNamed:
            service = None
        info = {"title": title or root.name, "version": version}
        if description:
            info["description"] = description
        return document(root.name, [one for one, _ in root.all_handlers()], list(root.all_published()), service, info)

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"App({self.name!r})"


def _topics(given: Iterable[Topic[Any] | str]) -> list[Topic[Any] | str]:
    """Check the topics that an app publishes to. Raises InvalidArgument."""
    if isinstance(given, str | Topic):
        raise InvalidArgument(f"publishes: expected several topics, as in [{given!r}]; got {shown(given)}.")
    topics = list(given)
    for topic in topics:
        topic_name(topic)
    return topics
