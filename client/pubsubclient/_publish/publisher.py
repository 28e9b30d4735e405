"""Publishers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn, overload

from pubsubclient._core.arguments import Seconds, check_count, check_seconds, shown, unpicklable
from pubsubclient._core.attributes import Attribute
from pubsubclient._core.errors import InvalidArgument, ServiceError, TooLarge, Unavailable
from pubsubclient._core.names import check_name
from pubsubclient._events.event import Event
from pubsubclient._events.lease import check_delay
from pubsubclient._events.topic import Topic
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch import Batch
from pubsubclient._publish.chunks import RequestChunks, encode_request, event_of
from pubsubclient._publish.errors import publish_error
from pubsubclient._publish.receipts import Receipt, read_receipts

__all__ = ["Publisher"]


class Publisher:
    """Publishes events under a name. Made, it is registered, get-or-create. Thread-safe.

    Args:
        name: 1 to 255 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit
        service: where: a base URL, one URL for each function, or a `Service`; by default what was set by
            `configure`, else PUBLISH_SUBSCRIBE_SERVICE in the environment, else in the nearest config.json

    Raises:
        InvalidArgument: the name is none
        ConfigurationError: no service is named
        ServiceError, Unavailable: it could not be registered
    """

    def __init__(self, name: str, *, service: Address | Service | None = None) -> None:
        self.name = check_name("publisher", name)
        self._transport = Transport.to(find_service(service))
        self._transport.register({"publisher": self.name})

    @overload
    def publish(self, event: Event, /, *, delay: float | None = None) -> Receipt: ...
    @overload
    def publish(self, event: Event, second: Event, /, *more: Event, delay: float | None = None) -> list[Receipt]: ...
    @overload
    def publish(self, events: Iterable[Event], /, *, delay: float | None = None) -> list[Receipt]: ...
    @overload
    def publish(
        self,
        topic: Topic | str,
        /,
        data: Any = None,
        *,
        type: str = "event",
        subject: str | None = None,
        id: str | None = None,
        time: datetime | str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        delay: float | None = None,
    ) -> Receipt: ...

    def publish(
        self, first: Event | Topic | str | Iterable[Event], /, *more: Any, delay: float | None = None, **event: Any
    ) -> Receipt | list[Receipt]:
        """Publish an event, several, all of an iterable, or data to a topic.

        Events of one topic keep their order. What does not fit one request is sent in several, one after another;
        each request is stored whole or not at all.

        Args:
            data, type, subject, id, time, attributes: of an event that is made of a topic and data; as for `Event`
            delay: deliver them to nobody before so many seconds after they are stored, 0 to 86,400, and at most half of
                the topic's retention; others overtake them

        Returns:
            a receipt for one event; a list of them, in the order given, for several events or an iterable

        Raises:
            InvalidArgument: something that is no event, or one over 900,000 bytes; nothing was sent
            PublishRefused: the service does not take the events without a receipt; they are not stored
            PublishUnavailable: the service was out of reach; the events without a receipt are not stored
            PublishUnknown: some of them may be stored; publish the same events again, within 10 minutes
        """
        delay_s = None if delay is None else check_delay(delay)
        events = _events_of(first, more, event)
        outbox = RequestChunks(events, f"/publishers/{self.name}", self._transport.service.store)
        while request := outbox.next():
            since_us = outbox.since_us(request, self._transport.clock.now_us())
            try:
                answer = self._transport.call("publish", encode_request(request, self.name, since_us, delay_s))
                outbox.stored(request, read_receipts(answer.body, len(request.places)))
            except (ServiceError, Unavailable) as error:
                if isinstance(error, TooLarge) and outbox.too_large(request):
                    continue
                uncertain = error.uncertain or not outbox.surely_not_stored(request)
                raise publish_error(error, outbox.receipts, outbox.left(), uncertain=uncertain) from error
        receipts = [receipt for receipt in outbox.receipts if receipt is not None]
        return receipts[0] if isinstance(first, Event | Topic | str) and len(events) == 1 else receipts

    def batch(self, *, max_delay: Seconds = 0.01, max_events: int = 20_000, max_bytes: int = 32 * 1024 * 1024) -> Batch:
        """Publish many events in the background: ``with publisher.batch() as batch: batch.publish(event)``.

        See `Batch` for what becomes of them.

        Args:
            max_delay: an event waits at most so long for others to be sent with, seconds
            max_events: so many events may wait for their receipts; `publish` blocks while there are more
            max_bytes: the same for their bytes of JSON

        Raises:
            InvalidArgument: an argument is out of its range
        """
        delay_s = check_seconds("max_delay", max_delay)
        events = check_count("max_events", max_events, 1)
        size = check_count("max_bytes", max_bytes, 1)
        return Batch(self._transport, self.name, delay_s, events, size)

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"Publisher({self.name!r})"


def _events_of(
    first: Event | Topic | str | Iterable[Event], more: tuple[Any, ...], members: dict[str, Any]
) -> list[Event]:
    """The events that the arguments of publish stand for. Raises InvalidArgument."""
    if isinstance(first, Topic | str):
        return [event_of(first, more, members)]
    if members:
        raise InvalidArgument(
            f"publish: {', '.join(members)}: only beside a topic; make the Event with what it is to have."
        )
    if isinstance(first, Event):
        events: list[Any] = [first, *more]
    elif more or isinstance(first, bytes) or not isinstance(first, Iterable):
        raise InvalidArgument("publish takes an event, several, one iterable of events, or a topic and data.")
    else:
        events = list(first)
    for place, event in enumerate(events):
        if not isinstance(event, Event):
            raise InvalidArgument(f"publish: expected events; got a {type(event).__name__} at {place}: {shown(event)}.")
    return events
