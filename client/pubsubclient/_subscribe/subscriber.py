"""Receives events under a subscriber's name: subscriptions, fetching, loops and settlement."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from types import TracebackType
from typing import NoReturn

from pubsubclient._core.arguments import Seconds, check_count, check_flag, check_seconds, unpicklable
from pubsubclient._core.at_exit import EXIT_DEADLINE_S, verb_for
from pubsubclient._core.errors import InvalidArgument, PubSubError
from pubsubclient._core.filters import Filters, check_filters
from pubsubclient._core.names import check_name
from pubsubclient._events.event import Event
from pubsubclient._events.event_list import Events
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import Topic
from pubsubclient._http.caller import current_caller
from pubsubclient._http.config import find_service
from pubsubclient._http.fresh_tokens import call_with_token
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Response, Transport
from pubsubclient._subscribe.arguments import (
    Position,
    StartPosition,
    Topics,
    change,
    check_fetch,
    check_position,
    settings_of,
    topics_name,
)
from pubsubclient._subscribe.descriptions import Explanation, SubscriberState, read_position, read_state
from pubsubclient._subscribe.explain import explain
from pubsubclient._subscribe.fetch import MAX_EVENTS, Fetch
from pubsubclient._subscribe.held_leases import HeldLeases
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Settlements
from pubsubclient._subscribe.pull import Pull
from pubsubclient._subscribe.redrive import redrive
from pubsubclient._subscribe.stream import Stream
from pubsubclient._subscribe.waits import Waits

__all__ = ["Subscriber"]


class Subscriber:
    """Receives events under a name. All consumers of one name share its events. The constructor registers the name.

    A thread's next `get_events` acknowledges the events of its last one. So do `close`, the end of a `with` block and the end
    of the program, unless an exception caused that end: after an Exception the events are given back as failed (nack), after
    KeyboardInterrupt as not handled (release). Events that other threads hold then are released. `ReceivedEvent` has methods
    to settle single events. Events that are not settled within the subscription's ack deadline are delivered again.

    Thread-safe. A forked child holds no events.

    Args:
        name: 1 to 250 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit
        service: the service, as for `Publisher`
        register: whether to register the name now. With False, the constructor sends nothing, and the first call that needs
            the service registers the name

    Raises:
        InvalidArgument: an argument is not valid
        ConfigurationError: no service is configured
        ServiceError, Unavailable: the subscriber could not be registered
    """

    def __init__(self, name: str, *, service: Address | Service | None = None, register: bool = True) -> None:
        self.name = check_name("subscriber", name)
        now = check_flag("register", register)
        self._transport = Transport.to(find_service(service))
        self._outcomes = Outcomes(self._transport, self.name)
        self._held_leases = HeldLeases(self._outcomes, self.name)
        self._waits = Waits(self._outcomes, self._held_leases)
        self._is_registered = False
        if now:
            self._register(self._transport.register)

    def subscribe(
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
        """Subscribe to a topic, or change the subscription to it. Settings that are None keep their values.

        Args:
            topic: a topic, which need not exist yet; or a pattern for present and future topics: ``*`` stands for one token
                between dots, ``>`` for one or more tokens at the end, `Any` for every topic
            start: where a new subscription begins: "earliest" (default), "latest", a time, or a saved position
            filters: deliver only events that match all of these, in the dialects of the CloudEvents Subscriptions API; an
                empty list matches every event
            ack_deadline: an event that stays unsettled for this long is delivered again, 1 to 600 seconds (30), rounded up
                to whole seconds; a number or a timedelta, as everywhere where seconds are expected
            max_attempts: deliveries before an event becomes a dead letter, 1 to 100 (5)
            backoff: delay before the redelivery of an event that failed, 0 to 600 seconds (10); it doubles with each failure,
                and can take up to a second longer, because nacked events are redelivered at whole seconds
            dead_letter_topic: the topic for dead letters (default: the subscriber's name and ``.dead``): a new topic, or one
                of the same owner that receives dead letters already
            ordered: deliver no newer event of the topic while an older one is unsettled

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: the subscription may not have been made or changed
        """
        name = topics_name(topic)
        settings = settings_of(
            name,
            start=start,
            filters=filters,
            ack_deadline=ack_deadline,
            max_attempts=max_attempts,
            backoff=backoff,
            dead_letter_topic=dead_letter_topic,
            ordered=ordered,
        )
        self._ensure_registered()
        change(self._transport, "POST", {"subscriber": self.name, "topic": name, **settings})
        self._outcomes.notices.subscribed()

    def unsubscribe(self, topic: Topics) -> None:
        """End the subscription to a topic, if it exists. Unsettled events of the topic are not delivered again.

        Raises:
            ServiceError, Unavailable: the subscription may still exist
        """
        name = topics_name(topic)
        self._ensure_registered()
        change(self._transport, "DELETE", {"subscriber": self.name, "topic": name})
        self._waits.forget(name)

    def seek(self, topic: Topics, to: StartPosition) -> None:
        """Move the subscription to another position in a topic. Its leased, due and delayed events are dropped.

        Args:
            topic: the topic or pattern that was subscribed to. A pattern moves all of its topics; the name of one topic that
                the pattern stands for moves that topic alone
            to: "earliest", "latest", a time, or a saved position (not for a pattern)

        Raises:
            InvalidArgument: `to` is none of these
            NotFound: this subscriber does not subscribe to the topic; nothing was changed
            ServiceError, Unavailable: the position may not have been changed
        """
        name = topics_name(topic)
        seek = {"subscriber": self.name, "topic": name, "seek": check_position("to", to, name), "create": False}
        self._ensure_registered()
        change(self._transport, "POST", seek)
        self._waits.forget(name)

    def position(self) -> Position:
        """Return this subscriber's position in each topic: JSON, to be saved and passed to `seek`.

        Delivered events count as passed, settled or not. So settle the events that this process holds before this call.
        Raises ServiceError, Unavailable.
        """
        return read_position(self._transport.call("register", {"subscriber": self.name}).body)

    def state(self) -> SubscriberState:
        """Return this subscriber's settings, positions, backlogs and unsettled events. Raises ServiceError, Unavailable."""
        self._ensure_registered()
        return read_state(self._transport.call("register", None, method="GET", query={"subscriber": self.name}).body)

    def explain(self, event: Event | str, topic: Topic | str | None = None) -> Explanation:
        """Return what happened to an event under this subscriber.

        Args:
            event: an event, published or received; or its sequence; or its id (an id that looks like a sequence is taken for
                one: pass the event instead)
            topic: the event's topic; required with a sequence or an id

        Raises:
            InvalidArgument: the topic is missing
            NotFound: this subscriber does not subscribe to the topic
            ServiceError, Unavailable: the service did not return it
        """
        self._ensure_registered()
        return explain(self._transport, self.name, event, topic)

    def redrive(self, topic: Topics, *, filters: Filters = ()) -> int:
        """Publish this subscriber's dead letters again, in their original topics, for delivery to this subscriber alone.

        Each dead letter becomes one event with a new id and two more attributes: ``redriveof``, the original id, and
        ``redrivefor``, this subscriber's name. If that event fails too, it becomes another dead letter. A redrive takes over
        the dead letters that a killed redrive had leased.

        Args:
            topic: redrive dead letters of events of this topic, or of topics that this pattern stands for
            filters: redrive only dead letters that match all of these; beside the event's attributes, dead letters have
                ``reason``, ``attempts``, ``originalid``, ``originalsource`` and ``originaltopic``

        Returns:
            how many dead letters were published

        Raises:
            InvalidArgument: an argument is malformed
            PublishError: the events in its ``events`` may not have been published; if the service refused them, all other
                dead letters were published
            ServiceError, Unavailable: some dead letters may have been published; call again to continue with the others
        """
        topics, wanted = topics_name(topic), check_filters(filters)
        return redrive(self._transport, self.name, topics, wanted)

    def get_events(self, max_events: int | None = None, wait: Seconds = 0) -> Events:
        """Get all events that are available now, of all subscribed topics, in the order in which they were stored.

        Acknowledges the events of this thread's last call. Sends as many requests as necessary; returns fewer events when too
        many are unsettled.

        Args:
            max_events: get at most this many, 0 to 5,000; 0 only acknowledges
            wait: if no event is available, wait for one up to this many seconds, 0 to 20

        Returns:
            the events; an empty list has ``.more`` False

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: no events were received; the next call acknowledges those of the last one
        """
        count, wait_s = check_fetch(max_events, 0, wait)
        fetch = self._new_fetch(count, wait_s, self._held_leases.ack_previous())
        try:
            events = fetch.run()
            self._held_leases.replace(fetch.leases)
            return events  # noqa: TRY300 - what a signal handler raises up to here must release the events
        except BaseException as error:
            if fetch.leases or not isinstance(error, PubSubError):
                fetch.release_all()
                self._held_leases.give_up(fetch.leases)
            raise

    def events(self, *, wait: Seconds | None = None, max_events: int = 100) -> Generator[ReceivedEvent, None, None]:
        """Loop over events as they arrive: ``for event in subscriber.events():``, in any number of threads.

        Asking for the next event acknowledges the last one: the ack is sent with the next request, well before the lease ends.
        When ``break`` or an exception ends the loop early, its current event stays unsettled and is delivered again after the
        ack deadline, unless the program settled it. Events that were fetched and not handled are released at once. An
        exception that is caught inside the loop body does not end the loop: the event is acknowledged unless it is nacked.
        `get_events` and `close` of the same thread do not settle events of a loop.

        Args:
            wait: end the loop when no event has arrived for this many seconds; by default only `close` ends it
            max_events: lease at most this many events at once, 1 to 5,000; other consumers do not get these meanwhile

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: raised in the loop; handled events may be delivered again
        """
        stream = self._new_stream(wait, max_events)
        self._ensure_registered()
        return stream.run()

    def fetch(self, max_events: int | None = None, wait: Seconds = 0, *, settle: Outcomes | None = None) -> Events:
        """Get events, and settle none: neither this call nor a later one acknowledges what it returns.

        This is for programs that hand events to other threads, or settle them later. Settle every event, by the event's own
        methods or by `outcomes`; one that is not settled within the ack deadline has failed, and is delivered again.

        Args:
            max_events: the most events to return, at least 1; as for `get_events`
            wait: seconds to wait for an event, as for `get_events`
            settle: outcomes that travel with the request

        Raises:
            InvalidArgument: an argument is out of its range, or `settle` belongs to another subscriber
            ServiceError, Unavailable: no events were received
        """
        count, wait_s = check_fetch(max_events, 1, wait)
        if settle is not None and settle.subscriber != self.name:
            raise InvalidArgument(
                f"settle: these are outcomes of subscriber {settle.subscriber!r}, not of {self.name!r}."
            )
        return self._new_fetch(count, wait_s, {}, settle).run()

    def outcomes(self, within: Seconds = 0.05) -> Outcomes:
        """Make a place to record what became of events, which tells the service in one request for many.

        Args:
            within: how long an outcome may wait for others, or for a fetch that carries it, 0 to 600 seconds

        Raises InvalidArgument: `within` is out of its range
        """
        return Outcomes(self._transport, self.name, check_seconds("within", within, 0, 600))

    def pull(self, max_events: int | None = None, wait: Seconds = 0) -> Pull:
        """Get events for a block of work: ``with subscriber.pull(max_events=10) as events:``.

        The end of the block acknowledges the events. If an Exception leaves the block, they are given back as failed (nack);
        after KeyboardInterrupt and the like, as not handled (release). Events that the block settled itself keep that
        settlement. `get_events` and `close` of the same thread do not settle events of a block.

        Args:
            max_events: the most events to return, at least 1; as for `get_events`
            wait: seconds to wait for an event, as for `get_events`

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: on entry, no events were received; at the end, the acks may not have counted
        """
        count, wait_s = check_fetch(max_events, 1, wait)
        return Pull(self.name, self._outcomes, lambda: self._new_fetch(count, wait_s, {}))

    def delete(self, *, force: bool = False) -> None:
        """Remove this subscriber: its name, its subscriptions, and its unsettled events, which nobody gets any more.

        Events that failed for the last time become dead letters first; dead letters stay in their topic. Calls that wait for
        events, and loops, end. Whoever registers the name again gets a new subscriber: late requests of this one do nothing
        to it. Deleting a name that nobody has registered does nothing.

        Args:
            force: also delete if some dead letters cannot be published; these are lost

        Raises:
            ServiceError: the subscriber was not deleted: it is another owner's (Forbidden), or dead letters could not be
                published (``dead_letters_left``, retryable)
            Unavailable: the subscriber may or may not be deleted; call again
        """
        request = {"subscriber": self.name, **({"force": True} if check_flag("force", force) else {})}
        self._waits.end()
        call_with_token(self._transport, "register", "DELETE", request)
        self._waits.forget_all()

    def close(self) -> None:
        """Acknowledge the events that this thread holds, release those of other threads, and end loops over `events`.

        Calls of other threads that wait for events return at once, without events.

        Raises:
            ServiceError, Unavailable: the settlements may not have counted; `close` may be called again
        """
        self._waits.end()
        self._held_leases.settle("ack")

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        self._waits.end()
        try:
            self._held_leases.settle(verb_for(error), EXIT_DEADLINE_S)
        except PubSubError as e:
            # Logged, not raised: it would hide the exception that ends the block. Unsettled events come again anyway.
            self._outcomes.log_unsettled(e)

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"Subscriber({self.name!r})"

    def _new_fetch(
        self, max_events: int | None, wait_s: float, settlements: Settlements, outcomes: Outcomes | None = None
    ) -> Fetch:
        self._ensure_registered()
        caller = current_caller()
        cancellation = self._waits.cancellation if caller is None else caller.cancellation
        outcomes = outcomes or self._outcomes
        return Fetch(self._transport, self.name, outcomes, max_events, wait_s, settlements, cancellation)

    def _new_stream(self, wait: Seconds | None, max_events: int) -> Stream:
        count = check_count("max_events", max_events, 1, MAX_EVENTS)
        wait_s = None if wait is None else check_seconds("wait", wait)
        stream = Stream(self._transport, self.name, self._outcomes, count, wait_s)
        self._waits.add(stream)
        return stream

    def _ensure_registered(self) -> None:
        if not self._is_registered:
            self._register(partial(self._transport.call, "register"))

    def _register(self, call: Callable[[dict[str, str]], Response]) -> None:
        self._outcomes.notices.registered(call({"subscriber": self.name}).body)
        self._is_registered = True
