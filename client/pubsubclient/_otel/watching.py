"""Makes spans and metrics of calls: the observer that `pubsubclient.otel.instrument` sets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from weakref import WeakValueDictionary

from opentelemetry import trace
from opentelemetry.metrics import Meter
from opentelemetry.trace import SpanContext, SpanKind, Tracer

from pubsubclient._core.observing import prefetching
from pubsubclient._events.event import Event
from pubsubclient._events.lease import Lease, Ref
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._http.service import Service
from pubsubclient._otel import conventions as names
from pubsubclient._otel.context import attributes_of, context_of, link_to, members_of
from pubsubclient._otel.operations import (
    Attributes,
    Operations,
    attributes_of_operation,
    count,
    failed,
    measure,
    partition,
)
from pubsubclient._publish.errors import PublishError

__all__ = ["Watching"]


class Watching:
    """Makes a span of each call, and measures it: an `Observer`. Thread-safe.

    Args:
        tracer: where spans go
        meter: where metrics go
        create_spans: whether each of several events gets a span of its own
        parent: whether a handler's span is the child of the event's context; by default it is linked to it
    """

    def __init__(self, tracer: Tracer, meter: Meter, *, create_spans: bool, parent: bool) -> None:
        self._operations = Operations(tracer, meter)
        self._create_spans = create_spans
        self._parent = parent
        #: what open leases hold, by token
        self._held: WeakValueDictionary[str, _Held] = WeakValueDictionary()

    def headers(self) -> Mapping[str, str]:
        """As the protocol says: the current span's context, so that the service's span continues it."""
        return attributes_of(trace.get_current_span())

    @contextmanager
    def publishing(self, events: Sequence[Event], service: Service) -> Iterator[list[Any]]:
        """As the protocol says. The span's context goes into events that have none yet."""
        operations = self._operations
        if self._create_spans and len(events) > 1:
            for event in events:
                self._create(event)
        creations = _creations(events)
        attributes = attributes_of_operation("publish", events, service)
        kind = SpanKind.PRODUCER if len(events) == 1 and creations[0] is None else SpanKind.CLIENT
        span = operations.start(kind, attributes, creations)
        carried = attributes_of(span)
        for event, creation in zip(events, creations, strict=True):
            if creation is None:
                event.carry(carried)
        receipts: list[Any] = []
        with operations.current(span, attributes, operations.calls):
            try:
                yield receipts
            finally:
                count(operations.sent, len(receipts), attributes)
            if len(events) == len(receipts) == 1:
                span.set_attribute(names.PARTITION, partition(receipts[0].sequence))

    def queued(self, event: Event) -> None:
        """As the protocol says. The event carries the context of a span of its own, or of the one that is current now."""
        if self._create_spans:
            self._create(event)
        else:
            event.carry(attributes_of(trace.get_current_span()))

    def batch(self, events: Sequence[Event], service: Service) -> _Batch:
        """As the protocol says."""
        return _Batch(self._operations, events, service)

    def received(self, events: Sequence[ReceivedEvent], subscriber: str, service: Service, began_ns: int) -> None:
        """As the protocol says. What a worker fetches ahead is counted, and has no span."""
        creations = _creations(events)
        self._hold({event.ref: one for event, one in zip(events, creations, strict=True)}, {e.lease for e in events})
        attributes = attributes_of_operation("receive", events, service, subscriber)
        now_ns = time.time_ns()
        count(self._operations.consumed, len(events), attributes)
        measure(self._operations.calls, (now_ns - began_ns) / 1e9, attributes)
        if not prefetching.get():
            self._operations.start(SpanKind.CLIENT, attributes, creations, began_ns).end(now_ns)

    @contextmanager
    def processing(self, events: Sequence[ReceivedEvent], subscriber: str) -> Iterator[None]:
        """As the protocol says. The span is linked to the events' contexts, whose traces ended long ago as a rule."""
        attributes = attributes_of_operation("process", events, None, subscriber)
        context = context_of(members_of(events[0])) if self._parent else None
        span = self._operations.start(SpanKind.CONSUMER, attributes, _creations(events), context=context)
        with self._operations.current(span, attributes, self._operations.runs):
            yield

    @contextmanager
    def settling(self, settlements: Mapping[str, Any], subscriber: str, service: Service) -> Iterator[None]:
        """As the protocol says: a span for each of ack, nack and release in the request."""
        operations = self._operations
        with ExitStack() as stack:
            settled = []
            for verb in ("ack", "nack", "release"):
                entries = [(self._held.get(entry["lease"]), entry.get("events")) for entry in settlements.get(verb, ())]
                if entries:
                    events = {ref: one for held, refs in entries if held for ref, one in held.events(refs).items()}
                    attributes = _attributes_of_settlement(verb, events, subscriber, service)
                    span = operations.start(SpanKind.CLIENT, attributes, [*events.values()])
                    stack.enter_context(operations.current(span, attributes, operations.calls))
                    settled += entries
            yield
            for held, refs in settled:
                if held is not None:
                    held.forget(refs)

    def _create(self, event: Event) -> None:
        """Give an event without a context a span of its own."""
        if not members_of(event):
            span = self._operations.start(SpanKind.PRODUCER, attributes_of_operation("create", [event], None), [])
            event.carry(attributes_of(span))
            span.end()

    def _hold(self, creations: Mapping[Ref, SpanContext | None], leases: set[Lease]) -> None:
        """Remember the contexts of leased events for as long as their leases live."""
        for lease in leases:
            if lease.observed is None:
                held = _Held({ref: creations[ref] for ref in lease.held() if ref in creations})
                lease.observed = self._held[lease.token] = held


class _Batch:
    """The span of one request of a batch, from its begin to its results, in whatever threads: a `BatchObserver`."""

    def __init__(self, operations: Operations, events: Sequence[Event], service: Service) -> None:
        self._operations = operations
        self._attributes = attributes_of_operation("publish", events, service)
        self._span = operations.start(SpanKind.CLIENT, self._attributes, _creations(events))
        self._began = time.perf_counter()

    def current(self) -> AbstractContextManager[object]:
        """As the protocol says."""
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def end(self, results: Sequence[Any]) -> None:
        """As the protocol says. The first failure is the span's."""
        failures = [one for one in results if isinstance(one, PublishError)]
        if failures:
            failed(self._span, self._attributes, failures[0])
        stored = sum(1 for one in results if one is not None) - len(failures)
        count(self._operations.sent, stored, self._attributes)
        measure(self._operations.calls, time.perf_counter() - self._began, self._attributes)
        self._span.end()


class _Held:
    """The creation contexts of a lease's events that are not settled yet."""

    def __init__(self, creations: dict[Ref, SpanContext | None]) -> None:
        self._creations = creations

    def events(self, refs: Sequence[Ref] | None) -> dict[Ref, SpanContext | None]:
        """Return the contexts of the events that are named, or of all."""
        if refs is None:
            return dict(self._creations)
        return {ref: self._creations[ref] for ref in map(_ref, refs) if ref in self._creations}

    def forget(self, refs: Sequence[Ref] | None) -> None:
        """The events that are named, or all, are settled."""
        for ref in self.events(refs):
            self._creations.pop(ref, None)


def _ref(named: Sequence[str]) -> Ref:
    topic, sequence = named
    return topic, sequence


def _creations(events: Sequence[Event]) -> list[SpanContext | None]:
    return [link_to(members_of(event)) for event in events]


def _attributes_of_settlement(
    verb: str, events: Mapping[Ref, SpanContext | None], subscriber: str, service: Service
) -> Attributes:
    attributes = attributes_of_operation(verb, [], service, subscriber)
    topics = {topic for topic, _ in events}
    if len(topics) == 1:
        attributes[names.DESTINATION] = topics.pop()
    if events:
        attributes[names.MESSAGE_COUNT] = len(events)
    return attributes
