"""One subscriber of a worker: its handlers, what is held of it, and how fast it is worked off."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pace import Pace
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient._worker.handler import Consumer, Handler
from pubsubclient._worker.options import MAX_PREFETCH, Options
from pubsubclient._worker.run import Gate, Run

__all__ = ["Source"]

#: lanes that nobody is in are forgotten when there are more than this
_MAX_LANES = 2_000


class Source:
    """One subscriber of a worker. The schedule's lock guards what changes."""

    def __init__(self, consumer: Consumer, subscriber: Subscriber, outcomes: Outcomes, options: Options) -> None:
        self.consumer = consumer
        self.subscriber = subscriber
        self.name = consumer.subscriber
        self.outcomes = outcomes
        slots = _slots(consumer.handlers, options)
        self.pace = Pace(MAX_PREFETCH, slots=slots, ahead_s=options.prefetch)
        batches = [handler.batch for handler in consumer.handlers if handler.batch is not None]
        #: the most events of one fetch: a batch that fails is nacked as a lease, so that the service makes smaller ones
        self.max_fetch = min(batches, default=MAX_PREFETCH)
        self._handler_gates = {
            id(handler): Gate(handler.concurrency) for handler in consumer.handlers if handler.concurrency is not None
        }
        self._lanes: dict[Hashable, Gate] = {}
        #: runs that have not begun; a dict keeps their order
        self.unbegun: dict[Run, None] = {}
        #: how many events these runs have
        self.unbegun_events = 0
        #: the fetcher waits until fewer events than this have not begun; 0 if it does not wait
        self.refill_below = 0.0
        self.running = 0
        #: the leases with events whose run has not ended, and how many runs these are
        self.leases: dict[Lease, int] = {}
        #: runs of ordered topics that will not begin, and are released once nothing else of their lease runs
        self.set_aside: dict[Lease, list[Run]] = {}
        #: nothing is fetched before this monotonic time: a handler has raised Pause
        self.paused_until = 0.0
        #: whether events of an ordered topic have come
        self.is_ordered = False
        #: topics whose events no handler takes; told once each
        self.unhandled: set[str] = set()

    def runs_of(self, events: Iterable[ReceivedEvent]) -> tuple[list[Run], list[ReceivedEvent]]:
        """Make runs of the events of one fetch; also returns the events that no handler takes. Calls the program's code."""
        runs: list[Run] = []
        orphans: list[ReceivedEvent] = []
        batches: dict[tuple[int, Hashable], list[ReceivedEvent]] = {}
        if len(self._lanes) > _MAX_LANES:
            # before any run is made, because a run's lane that is not yet entered looks unused
            self._lanes = {lane: gate for lane, gate in self._lanes.items() if gate.inside}
        for event in events:
            handler = self.consumer.handler_of(event)
            if handler is None:
                orphans.append(event)
                continue
            lane = handler.lane(event)
            if handler.batch is None:
                runs.append(Run(self, handler, (event,), self._gates(handler, lane)))
                continue
            key = (id(handler), lane)
            batch = batches.get(key)
            if batch is None or len(batch) >= handler.batch or batch[0].lease is not event.lease:
                batch = batches[key] = [event]
                runs.append(Run(self, handler, batch, self._gates(handler, lane)))
            else:
                batch.append(event)
        return runs, orphans

    def _gates(self, handler: Handler, lane: Hashable | None) -> list[Gate]:
        gates = []
        if lane is not None:
            gate = self._lanes.get(lane)
            if gate is None:
                gate = self._lanes[lane] = Gate(1)
            gates.append(gate)
        concurrency = self._handler_gates.get(id(handler))
        if concurrency is not None:
            gates.append(concurrency)
        return gates


def _slots(handlers: Iterable[Handler], options: Options) -> int:
    """Return how many of these handlers' runs can be under way at once."""
    room = {False: 0, True: 0}
    for handler in handlers:
        most = options.async_concurrency if handler.is_async else options.concurrency
        room[handler.is_async] = min(most, room[handler.is_async] + min(most, handler.concurrency or most))
    return max(1, room[False] + room[True])
