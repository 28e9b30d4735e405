"""Subscribers."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator
from types import TracebackType
from typing import Any, Literal
from weakref import WeakSet

from pubsubclient._ends import EXIT_DEADLINE_S, verb_for
from pubsubclient._errors import Conflict, InvalidArgument, PubSubError
from pubsubclient._event import ReceivedEvent
from pubsubclient._fetch import MAX_EVENTS, Events, Fetch
from pubsubclient._holdings import Holdings
from pubsubclient._names import check_name
from pubsubclient._pull import Pull
from pubsubclient._service import Address, Service, find_service
from pubsubclient._stream import Stream
from pubsubclient._topic import Topic, topic_name
from pubsubclient._transport import Transport

__all__ = ["Subscriber"]

_MAX_WAIT_S = 20
_MAX_DEADLINE_S = 600
#: changes by others that may overtake one of ours, one after another, before something must be wrong
_MAX_OLDER = 20

_log = logging.getLogger(__name__)


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
        self._holdings = Holdings(self._transport, self.name)
        self._streams: WeakSet[Stream] = WeakSet()
        self._transport.call("register", {"subscriber": self.name})

    def subscribe(
        self,
        topic: Topic | str,
        *,
        start: Literal["earliest", "latest"] | None = None,
        ack_deadline: int | None = None,
    ) -> None:
        """Subscribe to a topic, or change the subscription to it: what is None stays as it is.

        Args:
            topic: it need not exist yet
            start: of a new subscription: with the earliest event that is kept (default), or with what is
                published from now on
            ack_deadline: how long an event may stay unsettled before it comes again, 1 to 600 seconds (30)

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: it is not known to be subscribed
        """
        if start not in {None, "earliest", "latest"}:
            raise InvalidArgument(f'start: expected "earliest" or "latest"; got {start!r}.')
        if ack_deadline is not None and not 1 <= ack_deadline <= _MAX_DEADLINE_S:
            raise InvalidArgument(f"ack_deadline: expected 1 to {_MAX_DEADLINE_S} seconds; got {ack_deadline!r}.")
        settings = {"start": start, "ack_deadline_s": ack_deadline}
        self._change("POST", topic, {name: value for name, value in settings.items() if value is not None})

    def unsubscribe(self, topic: Topic | str) -> None:
        """Leave a topic: its events do not come any more, settled or not. Nothing happens if it was not subscribed to.

        Raises:
            ServiceError, Unavailable: it is not known to be left
        """
        self._change("DELETE", topic, {})

    def get_events(self, max_events: int | None = None, wait: float = 0) -> Events:
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
        _check_fetch(max_events, 0, wait)
        fetch = Fetch(self._transport, self.name, self._holdings, max_events, wait, self._holdings.come_back())
        events = fetch.run()
        self._holdings.replace(fetch.leases)
        return events

    def events(self, *, wait: float | None = None, max_events: int = 100) -> Generator[ReceivedEvent, None, None]:
        """Loop over events as they come: ``for event in subscriber.events():``, in any number of threads.

        Coming back for the next event means that the last one is done; what is done is acknowledged with the next
        request, and well before its lease ends. When the loop is left early, by ``break`` or an exception, the event
        that it was at stays unsettled: it comes again at the ack deadline, unless it was settled by name. What was
        fetched and not come to is released at once. The events of a loop are its own: `get_events` and `close` of
        the same thread do not settle them.

        Args:
            wait: end the loop when nothing has come for so many seconds; by default it ends only after `close`
            max_events: fetch at most so many at once, 1 to 5,000: other consumers do not get these meanwhile

        Raises:
            InvalidArgument: an argument is out of its range
            ServiceError, Unavailable: in the loop; what was done may come again
        """
        if not 1 <= max_events <= MAX_EVENTS:
            raise InvalidArgument(f"max_events: expected 1 to {MAX_EVENTS}; got {max_events!r}.")
        if wait is not None and not wait >= 0:
            raise InvalidArgument(f"wait: expected seconds from 0, or None; got {wait!r}.")
        stream = Stream(self._transport, self.name, self._holdings, max_events, wait)
        self._streams.add(stream)
        return stream.run()

    def pull(self, max_events: int | None = None, wait: float = 0) -> Pull:
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
        _check_fetch(max_events, 1, wait)

        def new_fetch() -> Fetch:
            abandoned = self._holdings.abandonments()
            return Fetch(self._transport, self.name, self._holdings, max_events, wait, abandoned)

        return Pull(self.name, self._holdings, new_fetch)

    def close(self) -> None:
        """Acknowledge what this thread has in hand, release what other threads have, and end loops over `events`.

        A loop that waits for events ends within 20 seconds.

        Raises:
            ServiceError, Unavailable: it is not known to be done; it may be tried again
        """
        self._end_loops()
        self._holdings.settle("ack")

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        self._end_loops()
        try:
            self._holdings.settle(verb_for(error), EXIT_DEADLINE_S)
        except PubSubError as e:
            # the exception on its way out says more than that; unsettled events come again in any case
            _log.warning("Subscriber %s: events could not be settled and will come again: %s", self.name, e)

    def __repr__(self) -> str:
        return f"Subscriber({self.name!r})"

    def _end_loops(self) -> None:
        for stream in list(self._streams):
            stream.close()

    def _change(self, method: Literal["POST", "DELETE"], topic: Topic | str, settings: dict[str, Any]) -> None:
        request = {"subscriber": self.name, "topic": topic_name(topic), **settings}
        for tries in itertools.count(1):
            token = self._transport.token("subscribe")
            try:
                self._transport.call("subscribe", {**request, "token": token}, method=method)
            except Conflict as error:
                # A process behind in store time made a token older than another's change: consumers of one name that
                # start together, or one that was idle for long. The answer has told it the time. But a try without an
                # answer may have counted, before that change.
                if error.code != "older_token" or error.uncertain or tries == _MAX_OLDER:
                    raise
            else:
                return


def _check_fetch(max_events: int | None, least: int, wait: float) -> None:
    """Raises InvalidArgument for what get_events and pull cannot ask for."""
    if max_events is not None and not least <= max_events <= MAX_EVENTS:
        raise InvalidArgument(f"max_events: expected {least} to {MAX_EVENTS}; got {max_events!r}.")
    if not 0 <= wait <= _MAX_WAIT_S:
        raise InvalidArgument(f"wait: expected 0 to {_MAX_WAIT_S} seconds; got {wait!r}.")
