"""Sends the events of a batch to the service, request by request, and says what became of each event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from pubsubclient._core.errors import PubSubError, ServiceError, TooLarge, Unavailable
from pubsubclient._core.observing import NOTHING, observer
from pubsubclient._http.exchange import Exchange, begin
from pubsubclient._http.transport import Transport
from pubsubclient._http.tries import TryAgain
from pubsubclient._publish.chunks import Request, encode_request, first_try_us
from pubsubclient._publish.errors import publish_error
from pubsubclient._publish.packet import Packet, Result
from pubsubclient._publish.receipts import LazyReceipts, Receipt

__all__ = ["Sender"]

#: statuses of refusals that a single event of the request may have caused
_EVENT_FAULTS = frozenset({400, 409, 413, 422})


class _Group(NamedTuple):
    """Events of a packet that are sent together: their places, and whether an earlier try may have taken effect."""

    places: Sequence[int]
    uncertain: bool = False


class Sender:
    """Sends packets to one service: whole and later read (`begin`), or with all the care that trouble needs (`send`)."""

    def __init__(self, transport: Transport, publisher: str) -> None:
        self._transport = transport
        self._publisher = publisher
        self._store = transport.service.store
        #: half of the bytes of JSON in the last request that the service refused as too large; None before
        self.max_bytes: int | None = None

    def begin(self, packet: Packet) -> Exchange | None:
        """Begin the request of a packet.

        Returns None, and sends nothing, if only `send` can send it: for events of several topics, those that were tried before
        or cancelled, too many bytes, or where `exchange.begin` says so. Raises: as `exchange.begin`.
        """
        packet.start(self._store)
        allowed = self.max_bytes is None or packet.size <= self.max_bytes
        if not packet.one_topic or packet.tried_before or packet.watched or not allowed:
            return None
        with self._observed(packet):
            return begin(self._transport, "publish", lambda: self._encode(packet, range(packet.count)))

    def receipts(self, packet: Packet, exchange: Exchange, within_s: float) -> Sequence[Receipt]:
        """Return the receipts of a packet that was begun. Raises: as `Exchange.finish`."""
        response = exchange.finish(within_s)
        self._transport.outage.over()
        receipts = LazyReceipts(response.body, packet.count)
        if packet.observed is not None:
            packet.observed.end(receipts)
        return receipts

    def send(self, packet: Packet, tried: Exception | None = None) -> tuple[Sequence[Result], Unavailable | None]:
        """Send events, topic by topic, in order, but for those whose futures were cancelled.

        When the service refuses a request of several events, each half is sent again by itself (bisection). In the end the
        event at fault fails alone, and the others are stored, in order. An unexpected error counts as an outage.

        Args:
            packet: the events
            tried: how a request of the whole packet has failed already

        Returns:
            what became of each event, and the outage that stopped the sending: then no event after it was sent
        """
        packet.start(self._store)
        with self._observed(packet):
            results, outage = self._send(packet, tried)
        if packet.observed is not None:
            packet.observed.end(results)
        return results, outage

    def _send(self, packet: Packet, tried: Exception | None) -> tuple[list[Result], Unavailable | None]:
        results: list[Result] = [None] * packet.count
        outage: Unavailable | None = None
        groups = [_Group(range(packet.count))] if tried else list(self._groups(packet))[::-1]  # a stack
        while groups and outage is None:
            group = groups.pop()
            try:
                for place, receipt in zip(group.places, self._publish(packet, group.places, tried), strict=True):
                    results[place] = receipt
            except ServiceError as error:
                uncertain = group.uncertain or error.uncertain
                if len(group.places) == 1 or error.status not in _EVENT_FAULTS:
                    self._fail(packet, group.places, error, results, uncertain=uncertain)
                    continue
                middle = len(group.places) // 2
                groups += [_Group(group.places[middle:], uncertain), _Group(group.places[:middle], uncertain)]
                if isinstance(error, TooLarge):
                    self.max_bytes = sum(len(packet.lines[place]) for place in group.places) // 2
            except BaseException as error:  # noqa: BLE001 - callers wait for these futures, so each must get a result
                outage = self._outage_of(error)
                groups.append(_Group(group.places, group.uncertain or outage.uncertain))
            finally:
                tried = None
        if outage is not None:
            for group in groups:
                self._fail(packet, group.places, outage, results, uncertain=group.uncertain)
        return results, outage

    def fail_unsent(self, packet: Packet, error: Unavailable) -> Sequence[Result]:
        """Fail the events of a packet that was never sent."""
        packet.start(self._store)
        results: list[Result] = [None] * packet.count
        places = [place for place in range(packet.count) if place not in packet.cancelled]
        self._fail(packet, places, error, results, uncertain=False)
        return results

    def _observed(self, packet: Packet) -> AbstractContextManager[object]:
        """Let what watches, if anything does, see what is sent meanwhile as one request."""
        if packet.observed is None and (watching := observer()) is not None:
            packet.observed = watching.batch(packet.events, self._transport.service)
        return NOTHING if packet.observed is None else packet.observed.current()

    def _groups(self, packet: Packet) -> Iterator[_Group]:
        """Split a packet by topic, and by the bytes that the service takes."""
        topics: dict[str, list[int]] = {}
        for place, event in enumerate(packet.events):
            if place not in packet.cancelled:
                topics.setdefault(event.topic, []).append(place)
        for places in topics.values():
            group: list[int] = []
            size = 0
            for place in places:
                size += len(packet.lines[place]) + 1
                if group and self.max_bytes is not None and size > self.max_bytes:
                    yield _Group(group)
                    group, size = [], len(packet.lines[place]) + 1
                group.append(place)
            yield _Group(group)

    def _fail(
        self,
        packet: Packet,
        places: Sequence[int],
        error: ServiceError | Unavailable,
        results: list[Result],
        *,
        uncertain: bool,
    ) -> None:
        """Record an error for each event at `places`; `uncertain` says whether they may be stored nevertheless."""
        for place in places:
            event = packet.events[place]
            unknown = uncertain or place in packet.tried_before
            if not unknown:
                event.forget_try(self._store)
            failure = publish_error(error, [None], [event], uncertain=unknown)
            failure.__cause__ = error
            results[place] = failure

    def _outage_of(self, error: BaseException) -> Unavailable:
        """Convert any error to Unavailable; it is uncertain unless it says otherwise."""
        if isinstance(error, Unavailable):
            return error
        last = error if isinstance(error, Exception) else PubSubError(f"{error!r} in the batch's thread")
        outage = Unavailable("publish", self._transport.service.urls["publish"], 1, 0.0, last)
        outage.uncertain = True
        return outage

    def _publish(self, packet: Packet, places: Sequence[int], tried: Exception | None) -> Sequence[Receipt]:
        """Send one request, unless `tried` says that it has failed for good; return a receipt for each of its events."""
        if tried is not None and not isinstance(tried, TryAgain):
            raise tried
        response = self._transport.call("publish", self._encode(packet, places), tried=tried)
        return LazyReceipts(response.body, len(places))

    def _encode(self, packet: Packet, places: Sequence[int]) -> bytes:
        """Return the body of a request; the same bytes at every try, because the events remember their first."""
        since_us = first_try_us((packet.events[place] for place in places), self._store, self._transport.clock.now_us())
        request = Request(packet.events[places[0]].topic, places, [packet.lines[place] for place in places])
        return encode_request(request, self._publisher, since_us)
