"""The service in a test's process, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pubsubclient._app.app import App
from pubsubclient._core.arguments import Seconds, check_count, check_seconds, shown
from pubsubclient._core.errors import ConfigurationError, InvalidArgument
from pubsubclient._events.event import Event
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.config import adopted
from pubsubclient._http.service import FUNCTIONS, Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.publisher import Publisher
from pubsubclient._publish.receipts import Receipt
from pubsubclient._subscribe.descriptions import Explanation, SubscriberState, read_state
from pubsubclient._subscribe.explain import explain
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient.testing.adapter import LocalAdapter, in_process
from pubsubclient.testing.clock import LocalClock
from pubsubclient.testing.delivering import Errors, Round, Until, directly, without_loop
from pubsubclient.testing.faults import Call, Fault
from pubsubclient.testing.leaks import end
from pubsubclient.testing.receiver import Delivery

__all__ = ["DeadLetter", "Local", "local"]

#: retention runs when the clock was moved so far at once, seconds; the emulator runs it as often
_EXPIRE_S = 60.0


@dataclass(frozen=True)
class DeadLetter:
    """An event that a subscriber has given up.

    Attributes:
        topic, id, type, data: those of the event
        reason: the cause; empty if nobody gave one
        attempts: how often the event was delivered
        letter: the event in the dead-letter topic
    """

    topic: str
    id: str
    type: str
    data: Any
    reason: str
    attempts: int
    letter: Event


class Local:
    """The service in this process, over an empty store in memory; made by `local`.

    Its clock is the real one until a test moves it. Where the thread that made it sleeps or waits for events, and no other
    thread is at work, the clock is moved on instead: a wait with nothing to come returns at once, empty.

    Attributes:
        service: to give to a Publisher, Subscriber or App: ``Publisher("p", service=pubsub.service)``
        errors: what `deliver` does with what handlers raise, unless it is told: ``raise`` or ``keep``
    """

    def __init__(self) -> None:
        self._clock = LocalClock()
        self._process, url = in_process(self._clock)
        self._adapter = LocalAdapter(self._process, self._clock)
        self.service = Service(url, adapter=self._adapter, clock=self._clock)
        self.errors: Errors = "raise"
        self._transport = Transport.to(self.service)
        self._publishers: dict[str, Publisher] = {}
        self._pauses: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Local, {len(self.calls)} calls>"

    @property
    def calls(self) -> list[Call]:
        """The requests so far, in the order in which they ended, with the storage operations that each was billed for.

        ``pubsub.calls.clear()`` forgets them.
        """
        return self._adapter.calls

    def publish(
        self,
        topic: Topic[Any] | str | Event,
        data: Any = None,
        *,
        publisher: str = "test",
        delay: float | None = None,
        **event: Any,
    ) -> Receipt:
        """Publish an event, or data to a topic.

        Args:
            publisher: the name to publish under
            delay: as for `Publisher.publish`
            event: further members of the event to make, as for `Event`: ``type="order.placed"``

        Raises:
            PubSubError: as `Publisher.publish` does
        """
        known = self._publishers.get(publisher)
        if known is None:
            known = self._publishers[publisher] = Publisher(publisher, service=self.service)
        if isinstance(topic, Event):
            if data is not None or event:
                raise InvalidArgument("publish takes an event alone, or a topic with the members of the event to make.")
            return known.publish(topic, delay=delay)
        return known.publish(topic, data, delay=delay, **event)

    def published(
        self,
        topic: Topic[Any] | str,
        *,
        type: str | None = None,  # noqa: A002 - CloudEvents' own name
        since: datetime | None = None,
    ) -> list[Event]:
        """Return the events that a topic holds, delayed ones too, in the order in which they were stored.

        Nobody is subscribed by this, and nothing is settled. It is no request: `calls` does not list it.

        Args:
            type: only events of this type
            since: only events stored at this time or later; a datetime with a time zone

        Raises:
            ConfigurationError: the service has ended
        """
        if self._adapter.closed:
            raise ConfigurationError(
                "This service has ended with its test, and what it held is gone: look at it before."
            )
        found = (ReceivedEvent(members, None) for members in self._process.log(topic_name(topic)))
        return [
            event
            for event in found
            if (type is None or event.type == type) and (since is None or event.recordedtime >= since)
        ]

    def deliver(
        self, *apps: App | Subscriber, until: Until = "idle", errors: Errors | None = None, max_events: int = 10_000
    ) -> list[Delivery]:
        """Run the handlers of apps over their events: here, in this thread, one event after another, in real leases.

        The apps' subscriptions are made first, and their lifespans last as long as the call. The events of a Subscriber, which
        has no handlers, are acknowledged. ``async def`` handlers run in an event loop of the call, plain ones outside of it.
        Timeouts, lanes and concurrency are a worker's, and play no part here.

        Args:
            until: ``idle``: no event is available now. ``settled``: and none is to come: the clock jumps from backoff to
                backoff, to the ends of delays and pauses, and to the ends of leases that others hold
            errors: ``raise``: what a handler raises comes out of this call, after its event was settled accordingly; events
                that were not reached are given back. ``keep``: it is in the result. By default `self.errors`
            max_events: raise an error after so many runs

        Returns:
            the runs, in order

        Raises:
            InvalidArgument: an argument is not valid; or there are ``async def`` handlers, and an event loop runs in this
                thread: use `adeliver`
            ConfigurationError: an app has no handlers
            RuntimeError: there were more events than `max_events`
            ServiceError, Unavailable: as from the SDK's own calls
            Exception: what a handler raised
        """
        round_ = Round(self.service, self, apps, self._pauses, until, errors or self.errors)
        return without_loop(round_, check_count("max_events", max_events, 1))

    async def adeliver(
        self, *apps: App | Subscriber, until: Until = "idle", errors: Errors | None = None, max_events: int = 10_000
    ) -> list[Delivery]:
        """Do what `deliver` does in the running event loop, where ``async def`` handlers are awaited."""
        round_ = Round(self.service, self, apps, self._pauses, until, errors or self.errors)
        return await round_.run(check_count("max_events", max_events, 1), directly)

    def advance(self, seconds: Seconds) -> None:
        """Move the clock to the first whole second at or after now + `seconds`; what failed is due at whole seconds.

        The service's time and the SDK's move together: leases, backoffs, delays, retention and half-time extensions follow.

        Raises:
            InvalidArgument: not a number or timedelta from 0
        """
        ahead_s = check_seconds("seconds", seconds)
        self._clock.advance(ahead_s)
        if ahead_s >= _EXPIRE_S:
            self._process.expire()

    def fail(
        self,
        call: str,
        *,
        status: int | None = 503,
        times: int = 1,
        after_commit: bool = False,
        retry_after: float | None = None,
        match: Mapping[str, Any] | None = None,
        code: str | None = None,
    ) -> None:
        """Make the next requests fail. The pauses before the SDK's retries take no time.

        Args:
            call: ``register``, ``publish``, ``subscribe``, ``get_events``, or ``*`` for any
            status: the status of the response, 400 to 599; None: the connection breaks
            times: how many requests fail, from 1. Each call of the SDK tries again for up to 60 seconds
            after_commit: the request is carried out, and its response is lost
            retry_after: the response's Retry-After, whole seconds
            match: only requests with these members: ``{"topic": "orders"}``
            code: the code of the response's problem document, if it matters

        Raises:
            InvalidArgument: an argument is not valid
        """
        if call not in {*FUNCTIONS, "*"}:
            raise InvalidArgument(f"call: expected one of {', '.join(FUNCTIONS)} or '*'; got {shown(call)}.")
        checked = None if status is None else check_count("status", status, 400, 599)
        pause_s = None if retry_after is None else check_seconds("retry_after", retry_after)
        count = check_count("times", times, 1)
        self._adapter.faults.append(Fault(call, checked, count, after_commit, pause_s, match or {}, code))

    def dead_letters(self, subscriber: Subscriber | App | str) -> list[DeadLetter]:
        """Return the dead letters of a subscriber, in the order in which they were stored; nothing is settled."""
        name = _name(subscriber)
        topics = dict.fromkeys(subscription.dead_letter_topic for subscription in self.state(name).subscriptions)
        letters = [
            letter for topic in topics for letter in self.published(topic) if letter.source == f"/subscribers/{name}"
        ]
        return [_dead_letter(letter) for letter in letters]

    def state(self, subscriber: Subscriber | App | str) -> SubscriberState:
        """Return the state of a subscriber, as `Subscriber.state`. Raises NotFound."""
        query = {"subscriber": _name(subscriber)}
        return read_state(self._transport.call("register", None, method="GET", query=query).body)

    def explain(
        self, subscriber: Subscriber | App | str, event: Event | str, topic: Topic[Any] | str | None = None
    ) -> Explanation:
        """Return what became of an event under a subscriber, as `Subscriber.explain`. Raises NotFound, InvalidArgument."""
        return explain(self._transport, _name(subscriber), event, topic)

    def restart(self) -> None:
        """Go on with another process of the service: the same store, and nothing in memory."""
        self._process.restart()

    def next_due_s(self, subscriber: str) -> float | None:
        """Return after how many seconds an event of a subscriber becomes due, or a lease ends; None if nothing is to come."""
        return self._process.next_due_s(subscriber)

    def close(self) -> list[str]:
        """End the service. Returns what is left open, a sentence each: loops that hold events, threads that go on."""
        return end(self.service, self._clock, self._adapter, self._process)


@contextmanager
def local(*, adopt: bool = True) -> Iterator[Local]:
    """Run the service in this process for the length of a block: ``with local() as pubsub:``.

    Needs the extra ``emulator``.

    Args:
        adopt: it is the default service of the process meanwhile: of publishers and subscribers that are made without a
            service, and of apps. At one time, adopt one only

    Raises:
        ConfigurationError: the extra is not installed
    """
    running = Local()
    try:
        if adopt:
            with adopted(running.service):
                yield running
        else:
            yield running
    finally:
        running.close()


def _name(subscriber: Subscriber | App | str) -> str:
    return subscriber if isinstance(subscriber, str) else subscriber.name


def _dead_letter(letter: Event) -> DeadLetter:
    attributes = letter.attributes
    return DeadLetter(
        topic=str(attributes["originaltopic"]),
        id=str(attributes["originalid"]),
        type=letter.type,
        data=letter.data,
        reason=str(attributes["reason"]),
        attempts=int(attributes["attempts"]),
        letter=letter,
    )
