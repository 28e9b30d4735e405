"""Subscribers."""

from __future__ import annotations

import logging
from collections.abc import Generator
from types import TracebackType
from typing import NoReturn

from pubsubclient._core.arguments import Seconds, check_count, check_seconds, unpicklable
from pubsubclient._core.at_exit import EXIT_DEADLINE_S, verb_for
from pubsubclient._core.errors import PubSubError
from pubsubclient._core.filters import Filters, check_filters
from pubsubclient._core.names import check_name
from pubsubclient._events.event import Event, ReceivedEvent
from pubsubclient._events.event_list import Events
from pubsubclient._events.topic import Topic
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.arguments import (
    Position,
    StartPosition,
    Topics,
    change,
    place_of,
    settings_of,
    topics_name,
)
from pubsubclient._subscribe.descriptions import Explanation, SubscriberState, read_position, read_state
from pubsubclient._subscribe.explain import explain
from pubsubclient._subscribe.fetch import MAX_EVENTS, Fetch
from pubsubclient._subscribe.held_leases import HeldLeases
from pubsubclient._subscribe.outcomes import Outcomes, Settlements
from pubsubclient._subscribe.pull import Pull
from pubsubclient._subscribe.redrive import redrive
from pubsubclient._subscribe.stream import Stream
from pubsubclient._subscribe.waits import Waits

__all__ = ["Subscriber"]

_MAX_WAIT_S = 20

_log = logging.getLogger("pubsubclient.subscriber")


class Subscriber:
    """Gets events under a name, each once; all that use a name share its events. Made, it is registered.

    Events are settled by what is done next. A thread's next `get_events` acknowledges what its last one returned,
    and so do `close`, the end of a `with`, and the end of the program, if they are clean: an exception that leaves the
    `with`, or ends the program, means that the events failed (nack), KeyboardInterrupt that they were not handled
    (release). What other threads have in hand then is released. Or settle single events: see `ReceivedEvent`.
    What is not settled within the subscription's ack deadline comes again.

    Thread-safe. In a forked child nothing is in hand.

    Args:
        name: 1 to 250 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit
        service: where, as for `Publisher`

    Raises:
        InvalidArgument: the name is none
        ConfigurationError: no service is named
        ServiceError, Unavailable: it could not be registered
    """

    def __init__(self, name: str, *, service: Address | Service | None = None) -> None:
        self.name = check_name("subscriber", name)
        self._transport = Transport.to(find_service(service))
        self._outcomes = Outcomes(self._transport, self.name)
        self._holdings = HeldLeases(self._outcomes, self.name)
        self._waits = Waits(self._outcomes, self._holdings)
        self._outcomes.notices.registered(self._transport.register({"subscriber": self.name}).body)

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
        """Subscribe to a topic, or change the subscription to it: what is None stays as it is.

        Args:
            topic: a topic, which need not exist yet; or a pattern for those that there are and will be: ``*`` stands for
                one token between dots, ``>`` for one or more at the end, `Any` for every topic
            start: where a new subscription begins: "earliest" (default), "latest", a time, or a saved position
            filters: which events are wanted, in the dialects of the CloudEvents Subscriptions API: all of these have to
                hold; an empty list wants every event
            ack_deadline: how long an event may stay unsettled before it comes again, 1 to 600 seconds (30), rounded up
                to whole ones; a timedelta will do here and wherever seconds are expected
            max_attempts: deliveries before an event becomes a dead letter, 1 to 100 (5)
            backoff: how long an event stays away after its first failure, 0 to 600 seconds (10); doubled after each, and up
                to a second more, as what was nacked comes at a whole second
            dead_letter_topic: where dead letters go (the subscriber's name and ``.dead``): a topic that is not there yet, or
                one that takes dead letters already, and of the same owner
            ordered: deliver nothing newer of the topic while something older is unsettled

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: it is not known to be subscribed
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
        change(self._transport, "POST", {"subscriber": self.name, "topic": name, **settings})
        self._outcomes.notices.subscribed()

    def unsubscribe(self, topic: Topics) -> None:
        """Leave a topic: its events do not come any more, settled or not. Nothing happens if it was not subscribed to.

        Raises:
            ServiceError, Unavailable: it is not known to be left
        """
        name = topics_name(topic)
        change(self._transport, "DELETE", {"subscriber": self.name, "topic": name})
        self._waits.forget(name)

    def seek(self, topic: Topics, to: StartPosition) -> None:
        """Go on elsewhere in a topic; what is leased, due or delayed of it is forgotten.

        Args:
            topic: what was subscribed to; of a pattern, all its topics are sought, and any one of them may be by its name
            to: "earliest", "latest", a time, or a saved position (not for a pattern)

        Raises:
            InvalidArgument: `to` is none of these
            NotFound: this subscriber does not subscribe to it; nothing was changed
            ServiceError, Unavailable: it is not known to be done
        """
        name = topics_name(topic)
        seek = {"subscriber": self.name, "topic": name, "seek": place_of("to", to, name), "create": False}
        change(self._transport, "POST", seek)
        self._waits.forget(name)

    def position(self) -> Position:
        """How far this subscriber is in each topic, to be kept (it is JSON) and given to `seek`.

        What was delivered counts as passed, settled or not: settle first what is in hand.

        Raises:
            ServiceError, Unavailable: it is not known
        """
        return read_position(self._transport.call("register", {"subscriber": self.name}).body)

    def state(self) -> SubscriberState:
        """What this subscriber subscribes to, how far it is, and what is unsettled.

        Raises:
            ServiceError, Unavailable: it is not known
        """
        return read_state(self._transport.call("register", None, method="GET", query={"subscriber": self.name}).body)

    def explain(self, event: Event | str, topic: Topic | str | None = None) -> Explanation:
        """What became of an event, as this subscriber sees it.

        Args:
            event: an event, published or received; or, with its topic, its sequence, or its id (unless that looks like a
                sequence: then give the event)
            topic: its topic, if `event` does not tell

        Raises:
            InvalidArgument: the topic is missing
            NotFound: this subscriber does not subscribe to the topic
            ServiceError, Unavailable: it is not known
        """
        return explain(self._transport, self.name, event, topic)

    def redrive(self, topic: Topics, *, filters: Filters = ()) -> int:
        """Publish dead letters of this subscriber again, in the topics that they came from, for this subscriber alone.

        Each comes back once, as an event with a new id, and with the attributes ``redriveof``, the id that it had, and
        ``redrivefor``, this subscriber's name. If it fails again, it is another dead letter. What a redrive that was killed
        had in hand, this one goes on with at once.

        Args:
            topic: those of events of this topic, or of topics that this pattern stands for
            filters: only those that all of these accept; dead letters also have ``reason``, ``attempts``, ``originalid``,
                ``originalsource`` and ``originaltopic``

        Returns:
            how many there were

        Raises:
            InvalidArgument: an argument is malformed
            PublishError: its ``events`` are not known to be back; where the service refused them, all others are
            ServiceError, Unavailable: some may have come back; the same call again goes on with the others
        """
        topics, wanted = topics_name(topic), check_filters(filters)
        return redrive(self._transport, self.state(), topics, wanted)

    def get_events(self, max_events: int | None = None, wait: Seconds = 0) -> Events:
        """Get what is new: all events that are there now, of all subscribed topics, in the order they were stored.

        Acknowledges what this thread's last call returned. It may take several requests, and ends early where too
        many events are unsettled.

        Args:
            max_events: get at most so many, 0 to 5,000; 0 only acknowledges
            wait: when there is nothing, wait for something, up to so many seconds, 0 to 20

        Returns:
            A list, empty if there is nothing; never empty while there is ``.more``.

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: nothing was got; what was in hand is acknowledged by the next call
        """
        count, wait_s = _check_fetch(max_events, 0, wait)
        fetch = self._new_fetch(count, wait_s, self._holdings.ack_previous())
        try:
            events = fetch.run()
            self._holdings.replace(fetch.leases)
            return events  # noqa: TRY300 - whatever a signal handler raises up to here, nobody has the events
        except BaseException as error:
            if fetch.leases or not isinstance(error, PubSubError):
                fetch.abandon()
                self._holdings.give_up(fetch.leases)
            raise

    def events(self, *, wait: Seconds | None = None, max_events: int = 100) -> Generator[ReceivedEvent, None, None]:
        """Loop over events as they come: ``for event in subscriber.events():``, in any number of threads.

        Coming back for the next event means that the last one is done; what is done is acknowledged with the next
        request, and well before its lease ends. When the loop is left early, by ``break`` or an exception, the event
        that it was at stays unsettled: it comes again at the ack deadline, unless it was settled by name. What was
        fetched and not come to is released at once. The events of a loop are its own: `get_events` and `close` of
        the same thread do not settle them. An exception that is caught inside the loop does not leave it: the event counts
        as done unless it is nacked.

        Args:
            wait: end the loop when nothing has come for so many seconds; by default it ends only after `close`
            max_events: fetch at most so many at once, 1 to 5,000: other consumers do not get these meanwhile

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: in the loop; what was done may come again
        """
        count = check_count("max_events", max_events, 1, MAX_EVENTS)
        wait_s = None if wait is None else check_seconds("wait", wait)
        stream = Stream(self._transport, self.name, self._outcomes, count, wait_s)
        self._waits.add(stream)
        return stream.run()

    def pull(self, max_events: int | None = None, wait: Seconds = 0) -> Pull:
        """Get events for a block of work: ``with subscriber.pull(max_events=10) as events:``.

        A clean end of the block acknowledges them. An Exception means that they failed (nack), KeyboardInterrupt and the
        like that they were not handled (release). What was settled by name inside is left alone. They are the
        block's own: `get_events` and `close` of the same thread do not settle them.

        Args:
            max_events, wait: as for `get_events`; from 1

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: on entering, nothing was got; on a clean end, they are not known to be acknowledged
        """
        count, wait_s = _check_fetch(max_events, 1, wait)
        return Pull(self.name, self._outcomes, lambda: self._new_fetch(count, wait_s, {}))

    def close(self) -> None:
        """Acknowledge what this thread has in hand, release what other threads have, and end loops over `events`.

        Calls of other threads that wait for events return at once, with none.

        Raises:
            ServiceError, Unavailable: it is not known to be done; it may be tried again
        """
        self._waits.end()
        self._holdings.settle("ack")

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
            self._holdings.settle(verb_for(error), EXIT_DEADLINE_S)
        except PubSubError as e:
            # the exception on its way out says more than that; unsettled events come again in any case
            _log.warning("Subscriber %s: events could not be settled and will come again: %s", self.name, e)

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"Subscriber({self.name!r})"

    def _new_fetch(self, max_events: int | None, wait_s: float, settlements: Settlements) -> Fetch:
        cancellation = self._waits.cancellation
        return Fetch(self._transport, self.name, self._outcomes, max_events, wait_s, settlements, cancellation)


def _check_fetch(max_events: object, least: int, wait: object) -> tuple[int | None, float]:
    """What get_events and pull are asked for: how many events, and how many seconds to wait. Raises InvalidArgument."""
    count = None if max_events is None else check_count("max_events", max_events, least, MAX_EVENTS)
    return count, check_seconds("wait", wait, 0, _MAX_WAIT_S)
