"""The events of a batch that have no result yet: in packets, in order, and counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pubsubclient._events.event import Event
from pubsubclient._publish.packet import Packet, Promise

__all__ = ["Queue"]

#: limits of one request: larger ones gain little throughput, and delay the events behind them
_REQUEST_EVENTS = 1_000
_REQUEST_BYTES = 4_000_000
#: a request has at most this share of the bytes that may wait, so that one is filled while another is under way; but it may
#: have so many bytes
_REQUEST_SHARE = 8
_MIN_REQUEST_BYTES = 1_000_000
#: how often a caller looks whether an answer has come, in events of a packet
_LOOK_EVENTS = 64


class Queue:
    """Collects events in packets. Not thread-safe: the batch's lock guards it.

    Args:
        max_events: the most events without a result
        max_bytes: the most bytes of JSON in these events
        monotonic: returns the time, seconds
        looked_at: called when somebody looks at the first promise of a packet
    """

    def __init__(
        self, max_events: int, max_bytes: int, monotonic: Callable[[], float], looked_at: Callable[[], None]
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._looked_at = looked_at
        #: the first packet may be in a request already; the last one may take more events
        self.packets: deque[Packet] = deque()
        #: how many events were published so far, and how many of them have a result
        self.published = 0
        self.resolved = 0
        #: the first `flush_to` of the published events are sent without delay
        self.flush_to = 0
        #: whether it takes no more events
        self.closed = False
        #: bytes of the events published so far, and of those with a result
        self._published_bytes = 0
        self._resolved_bytes = 0
        self._request_bytes = min(_REQUEST_BYTES, max(_MIN_REQUEST_BYTES, max_bytes // _REQUEST_SHARE))
        #: whether the last event may have made the first packet due
        self.calls_for_a_look = False

    @property
    def pending(self) -> int:
        """How many events have no result."""
        return self.published - self.resolved

    @property
    def first(self) -> Packet | None:
        return self.packets[0] if self.packets else None

    @property
    def first_is_full(self) -> bool:
        """Whether the first packet can take no more events."""
        return len(self.packets) > 1 or (len(self.packets) == 1 and self._is_full(self.packets[0]))

    @property
    def hurries(self) -> bool:
        """Whether somebody waits for the results of the first packet, or for room, so that no more events may come."""
        resolved, published = self.resolved, self.published
        return self.flush_to > resolved or published - resolved >= self._max_events or self._bytes >= self._max_bytes

    @property
    def _bytes(self) -> int:
        """Bytes of the events without a result."""
        return self._published_bytes - self._resolved_bytes

    def has_room(self, more_bytes: int) -> bool:
        """Whether an event of so many bytes may be added; one may be, whatever its size."""
        pending = self.published - self.resolved
        return not pending or (
            pending < self._max_events and self._published_bytes - self._resolved_bytes + more_bytes <= self._max_bytes
        )

    def limit_requests(self, max_bytes: int | None) -> None:
        """Make the packets that begin from now on no larger than the service takes."""
        if max_bytes is not None:
            self._request_bytes = min(self._request_bytes, max_bytes)

    def put(self, event: Event, line: bytes) -> Promise:
        """Add an event to the last packet, or to a new one; return its future."""
        packet = self.packets[-1] if self.packets else None
        size = len(line)
        if (
            packet is None
            or packet.closed
            or (count := packet.count) >= _REQUEST_EVENTS
            or packet.size + count + size >= self._request_bytes
        ):
            before = self.published, self._published_bytes
            packet, count = Packet(event.topic, self._monotonic(), self._looked_at, before), 0
            self.packets.append(packet)
        promise = packet.add(event, line)
        count += 1
        # in one step (and one line), so that an exception of a signal handler comes before or after it
        packet.count, packet.size, self.published, self._published_bytes = (
            count, packet.size + size, self.published + 1, self._published_bytes + size,
        )  # fmt: skip
        self.calls_for_a_look = (
            count == 1
            or count % _LOOK_EVENTS == 0
            or count == _REQUEST_EVENTS
            or self.flush_to > self.resolved
            or self.published - self.resolved >= self._max_events
            or self._published_bytes - self._resolved_bytes >= self._max_bytes
        )  # not by `hurries`: this is done for each event
        return promise

    def resolve_first(self) -> None:
        """Remove the first packet, whose events have got their results, and so make room.

        An exception of a signal handler may leave this at any step; then it is done again for the same packet. So it counts
        from what was published before the packet, and not on from the last count.
        """
        packet = self.packets[0]
        published, published_bytes = packet.before
        self.resolved, self._resolved_bytes = published + packet.count, published_bytes + packet.size
        self.packets.popleft()

    def drop_unsent(self) -> None:
        """Forget the packets that are not in a request."""
        while self.packets and not self.packets[-1].closed:
            self.packets.pop()

    def _is_full(self, packet: Packet) -> bool:
        return packet.closed or packet.count >= _REQUEST_EVENTS or packet.size >= self._request_bytes
