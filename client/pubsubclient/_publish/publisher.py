"""Publishes events under a publisher's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from pubsubclient._core.arguments import Seconds, check_count, check_flag, check_seconds, shown, unpicklable
from pubsubclient._core.errors import InvalidArgument, ServiceError, TooLarge, Unavailable
from pubsubclient._core.names import check_name
from pubsubclient._core.observing import NOTHING, observer
from pubsubclient._events.event import Event
from pubsubclient._events.lease import check_delay
from pubsubclient._events.topic import T, Topic
from pubsubclient._http.config import find_service
from pubsubclient._http.fresh_tokens import call_with_token
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch import Batch
from pubsubclient._publish.chunks import RequestChunks, encode_request, new_event
from pubsubclient._publish.errors import publish_error
from pubsubclient._publish.receipts import Receipt, read_receipts

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["Publisher"]

B = TypeVar("B", bound=Batch)


class Publisher:
    """Publishes events under a name. The constructor registers the name (get-or-create). Thread-safe.

    Args:
        name: 1 to 255 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit
        service: the service: a base URL, one URL for each function, or a `Service`. By default the one set by
            `configure`, else PUBLISH_SUBSCRIBE_SERVICE from the environment, else from the nearest config.json
        register: whether to register the name now. With False, the constructor sends nothing, and the first publish registers
            the name

    Raises:
        InvalidArgument: an argument is not valid
        ConfigurationError: no service is configured
        ServiceError, Unavailable: the publisher could not be registered
    """

    def __init__(self, name: str, *, service: Address | Service | None = None, register: bool = True) -> None:
        self.name = check_name("publisher", name)
        now = check_flag("register", register)
        self._transport = Transport.to(find_service(service))
        if now:
            self._register()

    @overload
    def publish(self, event: Event, /, *, delay: float | None = None, far: bool = False) -> Receipt: ...
    @overload
    def publish(
        self, event: Event, second: Event, /, *more: Event, delay: float | None = None, far: bool = False
    ) -> list[Receipt]: ...
    @overload
    def publish(
        self, events: Iterable[Event], /, *, delay: float | None = None, far: bool = False
    ) -> list[Receipt]: ...
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

    def publish(
        self,
        first: Event | Topic | str | Iterable[Event],
        /,
        *more: Any,
        delay: float | None = None,
        far: bool = False,
        **event: Any,
    ) -> Receipt | list[Receipt]:
        """Publish an event, several events, an iterable of events, or data to a topic.

        Events of one topic keep their order. Events that do not fit one request are sent in several, one after another.
        The service stores each request whole or not at all.

        Args:
            first: an event, an iterable of events, or the topic of the event to make
            more: further events; with a topic: the event's data
            event: with a topic: ``type``, ``subject``, ``id``, ``time``, ``attributes`` of the event, as for `Event`
            delay: deliver the events no earlier than this many seconds after they are stored, 0 to 86,400, and at most half
                of the topic's retention; events without a delay overtake them
            far: the events may have been published before, more than 10 minutes ago: those that are stored are not stored
                again, however long ago that was. It costs reads: all that was stored in their topics since their first try

        Returns:
            a receipt for one event; a list of receipts, in the order given, for several events or an iterable

        Raises:
            InvalidArgument: an argument is no event, or an event is larger than 900,000 bytes; nothing was sent
            PublishRefused: the service rejects the events without a receipt; they are not stored
            PublishUnavailable: the service could not be reached; the events without a receipt are not stored
            PublishUnknown: events without a receipt may be stored; publish the same events again, within 10 minutes or with
                `far`. Its reason is a Conflict (``too_far``) if more was stored since their first try than `far` searches
        """
        delay_s = None if delay is None else check_delay(delay)
        check_flag("far", far)
        events = _events_of(first, more, event)
        watching = observer()
        service = self._transport.service
        with NOTHING if watching is None else watching.publishing(events, service) as observed:
            chunks = RequestChunks(events, f"/publishers/{self.name}", service.store)
            while request := chunks.next():
                since_us = chunks.since_us(request, self._transport.clock.now_us())
                try:
                    body = encode_request(request, self.name, since_us, delay_s, far=far)
                    response = self._transport.call("publish", body)
                    stored = read_receipts(response.body, len(request.indices))
                    chunks.add_receipts(request, stored)
                    if observed is not None:
                        observed.extend(stored)
                except (ServiceError, Unavailable) as error:
                    if isinstance(error, TooLarge) and chunks.split(request):
                        continue
                    uncertain = error.uncertain or not chunks.mark_unstored(request)
                    raise publish_error(error, chunks.receipts, chunks.unstored(), uncertain=uncertain) from error
            receipts = [receipt for receipt in chunks.receipts if receipt is not None]
        return receipts[0] if isinstance(first, Event | Topic | str) and len(events) == 1 else receipts

    def batch(self, *, max_delay: Seconds = 0.01, max_events: int = 20_000, max_bytes: int = 32 * 1024 * 1024) -> Batch:
        """Publish many events in the background: ``with publisher.batch() as batch: batch.publish(event)``.

        `Batch` describes how events are sent, and how failures are reported.

        Args:
            max_delay: the longest time that an event waits for others to share its request, seconds
            max_events: the most events that may wait for their receipts; `Batch.publish` blocks at this limit
            max_bytes: the most bytes of JSON in these events; `Batch.publish` blocks at this limit

        Raises:
            InvalidArgument: an argument is out of its range
        """
        return self._new_batch(Batch, max_delay, max_events, max_bytes)

    def delete(self) -> None:
        """Remove this publisher's name. What was published under it stays.

        A later publish registers the name again, for the identity that publishes. Other processes of the service may take up
        to five minutes to notice the removal. Deleting a name that nobody has registered does nothing.

        Raises:
            ServiceError: the publisher was not deleted: it is another owner's (Forbidden)
            Unavailable: the publisher may or may not be deleted; call again
        """
        call_with_token(self._transport, "register", "DELETE", {"publisher": self.name})

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"Publisher({self.name!r})"

    def _register(self) -> None:
        self._transport.register({"publisher": self.name})

    def _new_batch(self, kind: type[B], max_delay: Seconds, max_events: int, max_bytes: int) -> B:
        delay_s = check_seconds("max_delay", max_delay)
        events = check_count("max_events", max_events, 1)
        size = check_count("max_bytes", max_bytes, 1)
        return kind(self._transport, self.name, delay_s, events, size)


def _events_of(
    first: Event | Topic | str | Iterable[Event], more: tuple[Any, ...], members: dict[str, Any]
) -> list[Event]:
    """Return the events that the arguments of publish name. Raises InvalidArgument."""
    if isinstance(first, Topic | str):
        return [new_event(first, more, members)]
    if members:
        raise InvalidArgument(f"publish: {', '.join(members)}: expected only with a topic; pass them to Event instead.")
    if isinstance(first, Event):
        events: list[Any] = [first, *more]
    elif more or isinstance(first, bytes) or not isinstance(first, Iterable):
        raise InvalidArgument("publish takes an event, several, one iterable of events, or a topic and data.")
    else:
        events = list(first)
    for index, event in enumerate(events):
        if not isinstance(event, Event):
            raise InvalidArgument(f"publish: expected events; got a {type(event).__name__} at {index}: {shown(event)}.")
    return events
