"""A loop over events as they come."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator

from pubsubclient._core.at_exit import EXIT_DEADLINE_S, Verb, settle_at_exit
from pubsubclient._core.errors import PubSubError
from pubsubclient._events.event import ReceivedEvent
from pubsubclient._events.lease import Lease
from pubsubclient._fork import reset_in_child
from pubsubclient._http.call import Cancellation
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.outcomes import Outcomes

__all__ = ["Stream"]

#: how long the service is asked to wait at once, seconds
_MAX_POLL_S = 20.0
#: the pause after an answer that brought nothing though it was asked to wait, seconds
_PAUSE_S = 0.5
#: a fetch is to bring about so much work, seconds: what a process that is killed holds has failed once
_PREFETCH_S = 1.0
#: from one fetch to the next, at most so many times more events
_GROWTH = 8

_log = logging.getLogger("pubsubclient.subscriber")


class _Pace:
    """How many events to fetch at once, by how long the loop's body takes for one. The first fetch brings one."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._size = 1
        #: of an event, seconds, the newer ones counting for more; None before the first
        self._mean_s: float | None = None

    def took(self, seconds: float) -> None:
        """The loop's body took so long for an event."""
        self._mean_s = seconds if self._mean_s is None else 0.8 * self._mean_s + 0.2 * seconds

    def next_size(self) -> int:
        """How many events to ask for."""
        if self._mean_s is not None:
            in_time = round(_PREFETCH_S / max(self._mean_s, 1e-6))
            self._size = max(1, min(in_time, _GROWTH * self._size, self._max_events))
        return self._size


class Stream:
    """What one loop has leased: the event that it works on, and those to come.

    Coming back for the next event means that the current one is done: its ack is one of `outcomes` then. From half of the
    lease's time on what is left of it is extended.

    Args:
        max_events: at most so many are leased at once
        wait_s: the loop ends when nothing came for so long, seconds; None for never
    """

    def __init__(
        self, transport: Transport, subscriber: str, outcomes: Outcomes, max_events: int, wait_s: float | None
    ) -> None:
        self._transport = transport
        self._subscriber = subscriber
        self._outcomes = outcomes
        self._wait_s = wait_s
        self._pace = _Pace(max_events)
        self._lease: Lease | None = None
        self._current: ReceivedEvent | None = None
        self._began = 0.0
        self._left: deque[ReceivedEvent] = deque()
        self._cancellation = Cancellation()
        reset_in_child(self)

    def run(self) -> Generator[ReceivedEvent, None, None]:
        """The loop. However it is left: what is done is acknowledged and what it did not come to is released."""
        try:
            while (event := self._next()) is not None:
                yield event
        finally:
            self._end()

    def close(self) -> None:
        """Have the loop end when it comes back for more, or at once if it waits."""
        self._cancellation.cancel()

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """A seek emptied the lease of the events of these topics: the loop does not come to them any more."""
        lease = self._lease
        if lease is not None:
            lease.forget_topics(concerned)
            lease.taken_back.update({event.topic for event in list(self._left) if concerned(event.topic)})

    @property
    def leases(self) -> list[Lease]:
        """What holds its events."""
        return [self._lease] if self._lease is not None else []

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - a loop has its own rules
        """Leave the loop, at the end of the program. Raises ServiceError, Unavailable."""
        rest = self._leave()
        self._outcomes.carry_out({"release": [rest]} if rest else {}, deadline_s)

    def after_fork(self) -> None:
        """What the loop has leased, and its settlement, stay with the parent."""
        self._lease = self._current = None
        self._left = deque()
        closed, self._cancellation = self._cancellation.cancelled, Cancellation()
        if closed:
            self._cancellation.cancel()
        settle_at_exit(self, holding=False)

    def __repr__(self) -> str:
        return f"events in a loop of subscriber {self._subscriber!r}"

    def _next(self) -> ReceivedEvent | None:
        """The next event, for as long as it takes; None if the loop is to end."""
        if self._current is not None:
            self._pace.took(time.monotonic() - self._began)
            if self._lease is not None:
                self._outcomes.ack(self._lease, self._current.ref)
            self._current = None
        while not self._cancellation.cancelled:
            lease = self._lease
            if lease is not None and self._left:
                if lease.taken_back:
                    self._drop_taken_back(lease)
                if lease.half_over and not lease.ended and self._left:
                    self._renew(lease)
                if self._left and not (lease.length_s and lease.ended):
                    self._current, self._began = self._left.popleft(), time.monotonic()
                    return self._current
                # they have come again by now, or will: working on them is work done twice
                self._left.clear()
            if not self._fetch():
                return None
        return None

    def _drop_taken_back(self, lease: Lease) -> None:
        """Of a topic that comes in order, the service took back what is newer than an event that was given back."""
        dropped = [event for event in self._left if event.topic in lease.taken_back]
        self._left = deque(event for event in self._left if event.topic not in lease.taken_back)
        lease.forget([event.ref for event in dropped])

    def _renew(self, lease: Lease) -> None:
        """Keep the rest for longer; what is done travels along."""
        asked = time.monotonic()
        unknown = self._outcomes.carry_out({"extend": [lease.extension()]})
        lease.restarted(asked)
        if any(settlement.get("settlement") == "extend" for settlement in unknown):
            self._left.clear()

    def _fetch(self) -> bool:
        """Lease more; says whether there is any before the loop is to end."""
        give_up = None if self._wait_s is None else time.monotonic() + self._wait_s
        while not self._cancellation.cancelled:
            asked = time.monotonic()
            wait_s = _MAX_POLL_S if give_up is None else min(_MAX_POLL_S, max(0.0, give_up - asked))
            if self._lease_more(wait_s):
                return True
            now = time.monotonic()
            if give_up is not None and now >= give_up:
                return False
            if now - asked < wait_s / 2:
                # it did not wait, because too much is unsettled elsewhere or a proxy cut it short
                self._cancellation.pause(_PAUSE_S if give_up is None else min(_PAUSE_S, give_up - now))
        return False

    def _lease_more(self, wait_s: float) -> bool:
        """One fetch; says whether it brought anything."""
        size = self._pace.next_size()
        fetch = Fetch(self._transport, self._subscriber, self._outcomes, size, wait_s, {}, self._cancellation)
        try:
            events = fetch.run()
            self._lease = fetch.leases[0] if fetch.leases else None
            self._left.extend(events)
            settle_at_exit(self, holding=bool(events))
        except BaseException:
            # from a signal handler, at whatever point: the loop ends, and has none of them
            self._left.clear()
            self._lease = None
            fetch.abandon()
            raise
        if self._lease is not None and self._lease.half_over:
            # by a clock that began before the wait did; the service knows when the lease began
            self._renew(self._lease)
        return bool(events)

    def _leave(self) -> dict[str, object] | None:
        """Let go of everything; returns the settlement of what it did not come to. The current event is left to its lease."""
        lease = self._lease
        if lease is not None and lease.taken_back:
            self._drop_taken_back(lease)
        rest = lease.part([event.ref for event in self._left]) if lease is not None else None
        self._lease = self._current = None
        self._left.clear()
        settle_at_exit(self, holding=False)
        return rest

    def _end(self) -> None:
        rest = self._leave()
        try:
            self._outcomes.carry_out({"release": [rest]} if rest else {}, EXIT_DEADLINE_S)
        except PubSubError as e:
            # a loop is mostly left without anybody to catch it; unsettled events come again in any case
            _log.warning("Subscriber %s: events could not be settled and will come again: %s", self._subscriber, e)
