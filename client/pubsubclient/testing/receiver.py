"""Runs handlers over real leases in the test's own thread, one after another, and settles what they did."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from pubsubclient._events.lease import Lease, nack_options, release_options
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.fetch import Fetch
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._worker.handler import Consumer, Handler
from pubsubclient._worker.outcome import Outcome, Reject

__all__ = ["Awaited", "Delivery", "Receiver"]

#: awaits something in the event loop
Awaited = Callable[[Awaitable[Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Delivery:
    """One run of a handler over one event.

    Attributes:
        event: the event
        attempt: the number of its delivery, from 1
        handler: ``module.function``; None if no handler takes the event, or for a Subscriber, which has none
        outcome: ``ack``; ``retry``: it failed and comes again; ``reject``: it became a dead letter; ``pause``: it was given
            back; ``settled``: the handler settled it itself
        reason: the cause of a retry, reject or pause
        error: what the handler raised
        duration: how long it ran, seconds of real time
    """

    event: ReceivedEvent
    attempt: int
    handler: str | None
    outcome: Literal["ack", "retry", "reject", "pause", "settled"]
    reason: str | None = None
    error: BaseException | None = None
    duration: float = 0.0


class Receiver:
    """Receives the events of one subscriber, and runs its handlers.

    Args:
        name: the subscriber
        consumer: its handlers; None to acknowledge everything
        pauses: by subscriber, the monotonic time before which nothing is fetched, because a handler raised Pause
    """

    def __init__(self, transport: Transport, name: str, consumer: Consumer | None, pauses: dict[str, float]) -> None:
        self.name = name
        self._transport = transport
        self._consumer = consumer
        self._outcomes = Outcomes(transport, name)
        batches = [handler.batch or 1 for handler in consumer.handlers] if consumer is not None else []
        self._max_events = max(batches, default=1)
        self._pauses = pauses

    @property
    def is_async(self) -> bool:
        """Whether a handler has to be awaited."""
        return self._consumer is not None and any(handler.is_async for handler in self._consumer.handlers)

    @property
    def pause_s(self) -> float:
        """How long this subscriber is still paused, seconds; 0 if it is not."""
        return max(0.0, self._pauses.get(self.name, 0.0) - self._transport.service.clock.monotonic())

    async def run(self, deliveries: list[Delivery], awaited: Awaited) -> bool:
        """Fetch once, and handle what came, adding to `deliveries`; returns whether anything came.

        ``async def`` handlers are run by `awaited`.

        Raises ServiceError, Unavailable. BaseException of a handler passes through, after the rest was given back.
        """
        if self.pause_s:
            return False
        fetch = Fetch(self._transport, self.name, self._outcomes, self._max_events, 0.0, {})
        events = list(fetch.run())
        if not events:
            return False
        lease = fetch.leases[0]
        with self._giving_back(lease, events):
            while events:
                handler, taken = self._next_run(events)
                outcome, duration = await _run(handler, taken, self._consumer, awaited)
                del events[: len(taken)]
                self._settle(lease, taken, outcome, events)
                name = None if handler is None else handler.name
                deliveries += [
                    Delivery(one, one.attempt, name, outcome.kind, outcome.reason, outcome.error, duration)
                    for one in taken
                ]
                if outcome.error is not None:
                    return True  # the caller may raise it; the rest is given back
        return True

    def _next_run(self, events: Sequence[ReceivedEvent]) -> tuple[Handler | None, list[ReceivedEvent]]:
        """Return the handler of the first event, and the events of its run: several in a row for a handler of batches."""
        if self._consumer is None:
            return None, list(events)
        handler = self._consumer.handler_of(events[0])
        if handler is None or handler.batch is None:
            return handler, [events[0]]
        count = 1
        while count < min(len(events), handler.batch) and self._consumer.handler_of(events[count]) is handler:
            count += 1
        return handler, list(events[:count])

    def _settle(self, lease: Lease, taken: list[ReceivedEvent], outcome: Outcome, left: list[ReceivedEvent]) -> None:
        """Tell the service what became of the events; what it takes back of an ordered topic is dropped from `left`."""
        options: dict[str, Any] = {}
        if outcome.kind == "retry":
            verb, options = "nack", nack_options(outcome.delay_s, outcome.reason, dead=False)
        elif outcome.kind == "reject":
            verb, options = "nack", nack_options(None, outcome.reason, dead=True)
        elif outcome.kind == "pause":
            pause_s = outcome.delay_s or 0.0
            verb, options = "release", release_options(pause_s)
            self._pauses[self.name] = self._transport.service.clock.monotonic() + pause_s
        else:
            verb = "ack"
        refs = [event.ref for event in taken]
        # one settlement of several events means that they failed together; those that the handler settled are left out
        part = lease.part(refs)
        if outcome.kind != "settled" and part is not None:
            self._outcomes.carry_out({verb: [{**part, **options}]})
            lease.forget(refs)
            if verb != "ack":
                lease.taken_back.update({event.topic for event in taken if event.topic in lease.ordered})
        recalled = [event for event in left if event.topic in lease.taken_back]
        left[:] = [event for event in left if event.topic not in lease.taken_back]
        lease.forget([event.ref for event in recalled])

    @contextmanager
    def _giving_back(self, lease: Lease, events: list[ReceivedEvent]) -> Iterator[None]:
        """Release what no handler has run over, however the block ends."""
        try:
            yield
        finally:
            rest = lease.part([event.ref for event in events])
            if rest is not None:
                self._outcomes.carry_out({"release": [rest]})


async def _run(
    handler: Handler | None, events: Sequence[ReceivedEvent], consumer: Consumer | None, awaited: Awaited
) -> tuple[Outcome, float]:
    if handler is None:
        if consumer is None:
            return Outcome("ack"), 0.0
        error = Reject("no handler")
        return Outcome("reject", error.reason, None, error), 0.0
    began = time.perf_counter()
    outcome = await awaited(handler.run_async(events)) if handler.is_async else handler.run(events)
    return outcome, time.perf_counter() - began
