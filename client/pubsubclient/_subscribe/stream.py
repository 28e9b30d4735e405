"""Loops over events as they arrive, and leases only what the loop will soon handle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator

from pubsubclient._core.at_exit import EXIT_DEADLINE_S, Verb, settle_at_exit
from pubsubclient._core.errors import PubSubError
from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._fork import reset_in_child
from pubsubclient._http.call import Cancellation
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pace import Pace

__all__ = ["Stream"]

#: the longest wait of one long poll, seconds
_MAX_POLL_S = 20.0
#: the pause after an empty response that came before half of the wait was over, seconds
_PAUSE_S = 0.5


class Stream:
    """One loop over events: the current event, and the leased events after it.

    Asking for the next event acknowledges the current one; the ack joins the pending `outcomes`. When half of the lease's
    time is over, the lease is extended for the events that are left.

    Args:
        max_events: the most events to lease at once
        wait_s: the loop ends when no event has arrived for this long, seconds; None: never
    """

    def __init__(
        self, transport: Transport, subscriber: str, outcomes: Outcomes, max_events: int, wait_s: float | None
    ) -> None:
        self._transport = transport
        self._clock = transport.service.clock
        self._subscriber = subscriber
        self._outcomes = outcomes
        self._wait_s = wait_s
        self._pace = Pace(max_events)
        self._lease: Lease | None = None
        self._current: ReceivedEvent | None = None
        self._began = 0.0
        self._left: deque[ReceivedEvent] = deque()
        self._cancellation = Cancellation()
        reset_in_child(self)

    def run(self) -> Generator[ReceivedEvent, None, None]:
        """Run the loop. However it ends, handled events are acknowledged, and events that it did not reach are released."""
        try:
            while (event := self.next()) is not None:
                yield event
        finally:
            self.end()

    def ready(self) -> ReceivedEvent | None:
        """Acknowledge the current event; return the next one if it takes no request to have it, else None."""
        if self._current is not None:
            self._pace.took(self._clock.monotonic() - self._began)
            if self._lease is not None:
                self._outcomes.ack(self._current)
            self._current = None
        lease = self._lease
        if lease is None or self._cancellation.cancelled:
            return None
        if lease.taken_back:
            self._drop_taken_back(lease)
        return None if lease.half_over else self._take(lease)

    def next(self) -> ReceivedEvent | None:
        """Acknowledge the current event; return the next one, after waiting for it as long as necessary; None at the end."""
        event = self.ready()
        while event is None and not self._cancellation.cancelled:
            lease = self._lease
            if lease is not None and self._left and not lease.ended:
                self._renew(lease)
                event = self._take(lease)
                continue
            # The lease has ended, so these events are delivered again: to handle them here would handle them twice.
            self._give_up_left()
            if not self._fetch():
                return None
            event = self.ready()
        return event

    def end(self) -> None:
        """Send the acks of handled events, and release those that were not reached. Raises nothing of the service."""
        rest = self._leave()
        try:
            self._outcomes.carry_out({"release": [rest]} if rest else {}, EXIT_DEADLINE_S)
        except PubSubError as e:
            # Logged, not raised: most programs do not expect an exception at the end of a loop, and unsettled events come
            # again anyway.
            self._outcomes.log_unsettled(e)

    def close(self) -> None:
        """End the loop when it asks for its next event, or at once if it waits for events."""
        self._cancellation.cancel()

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """Skip the events of these topics, after a seek has removed them from the lease."""
        lease = self._lease
        if lease is not None:
            lease.forget_topics(concerned)
            lease.taken_back.update({event.topic for event in list(self._left) if concerned(event.topic)})

    @property
    def service(self) -> Service:
        """The service at which the events are settled."""
        return self._transport.service

    @property
    def leases(self) -> list[Lease]:
        """The leases of the loop's events."""
        return [self._lease] if self._lease is not None else []

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - a loop always releases
        """Release the events that the loop did not reach, at the end of the program. Raises ServiceError, Unavailable."""
        rest = self._leave()
        self._outcomes.carry_out({"release": [rest]} if rest else {}, deadline_s)

    def after_fork(self) -> None:
        """Hold nothing in the child: the parent keeps its events and settles them."""
        self._lease = self._current = None
        self._left = deque()
        closed, self._cancellation = self._cancellation.cancelled, Cancellation()
        if closed:
            self._cancellation.cancel()
        settle_at_exit(self, holding=False)

    def __repr__(self) -> str:
        return f"events in a loop of subscriber {self._subscriber!r}"

    def _take(self, lease: Lease) -> ReceivedEvent | None:
        """Make the next leased event the current one, and return it; None if there is none, or if the lease has ended."""
        if not self._left or (lease.length_s and lease.ended):
            return None
        self._current, self._began = self._left.popleft(), self._clock.monotonic()
        return self._current

    def _drop_taken_back(self, lease: Lease) -> None:
        """Drop events that the service has recalled: those of ordered topics after an event that was nacked or released."""
        dropped = [event for event in self._left if event.topic in lease.taken_back]
        self._left = deque(event for event in self._left if event.topic not in lease.taken_back)
        lease.forget([event.ref for event in dropped])

    def _renew(self, lease: Lease) -> None:
        """Extend the lease for the events that are left; the request carries the pending acks too."""
        asked = self._clock.monotonic()
        unknown = self._outcomes.carry_out({"extend": [lease.extension()]})
        lease.restarted(asked)
        if any(settlement.get("settlement") == "extend" for settlement in unknown):
            self._give_up_left()

    def _give_up_left(self) -> None:
        """Release the events that are left, because they may be others' by now. A release that comes late does nothing.

        The service may hold some of them still: it counts by another clock, or only some events of the lease were taken. No
        loop began with these, so they must not fail when the lease expires.
        """
        # the newest first, so that all are named: a release in an ordered topic recalls what is behind it
        self._outcomes.release(reversed(self._left))
        self._left.clear()

    def _fetch(self) -> bool:
        """Fetch events until some arrive; returns False if the loop has to end before."""
        give_up = None if self._wait_s is None else self._clock.monotonic() + self._wait_s
        while not self._cancellation.cancelled:
            asked = self._clock.monotonic()
            wait_s = _MAX_POLL_S if give_up is None else min(_MAX_POLL_S, max(0.0, give_up - asked))
            if self._lease_more(wait_s):
                return True
            now = self._clock.monotonic()
            if give_up is not None and now >= give_up:
                return False
            if now - asked < wait_s / 2:
                # The service did not wait, because too many events are unsettled, or a proxy ended the wait.
                pause_s = _PAUSE_S if give_up is None else min(_PAUSE_S, give_up - now)
                self._cancellation.pause(pause_s, self._clock)
        return False

    def _lease_more(self, wait_s: float) -> bool:
        """Fetch once; returns whether events arrived."""
        size = self._pace.next_size()
        fetch = Fetch(self._transport, self._subscriber, self._outcomes, size, wait_s, {}, self._cancellation)
        try:
            events = fetch.run()
            self._lease = fetch.leases[0] if fetch.leases else None
            self._left.extend(events)
            settle_at_exit(self, holding=bool(events))
        except BaseException:
            # e.g. of a signal handler, at any point: the loop ends, and keeps none of these events
            self._left.clear()
            self._lease = None
            fetch.release_all()
            raise
        if self._lease is not None and self._lease.half_over:
            # The local clock counts from the request, so it includes the wait; the lease began later, at the service.
            # An extension makes both agree.
            self._renew(self._lease)
        return bool(events)

    def _leave(self) -> dict[str, object] | None:
        """Drop all events; returns the settlement of those not reached. The current event stays leased."""
        lease = self._lease
        if lease is not None and lease.taken_back:
            self._drop_taken_back(lease)
        rest = lease.part([event.ref for event in self._left]) if lease is not None else None
        self._lease = self._current = None
        self._left.clear()
        settle_at_exit(self, holding=False)
        return rest
