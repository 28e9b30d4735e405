"""One operation, as the conventions want it: its attributes, its span, and what is measured of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from pubsubclient._core.errors import ServiceError
from pubsubclient._events.event import Event
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._http.service import Service
from pubsubclient._otel import conventions as names
from pubsubclient._otel.context import links_to
from pubsubclient._publish.errors import PublishError

__all__ = ["Attributes", "Operations", "attributes_of_operation", "count", "failed", "measure", "partition"]

#: of a span, and most of them of its measurements
Attributes = dict[str, str | int]

#: attributes of spans that would make a time series of each event
_NOT_MEASURED = frozenset({names.MESSAGE_ID, names.MESSAGE_COUNT, names.OPERATION_TYPE})


class Operations:
    """Starts spans, and measures. Thread-safe."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self.calls = _seconds(meter, names.OPERATION_DURATION)
        self.runs = _seconds(meter, names.PROCESS_DURATION)
        self.sent = meter.create_counter(names.SENT_MESSAGES, "{message}")
        self.consumed = meter.create_counter(names.CONSUMED_MESSAGES, "{message}")

    def start(
        self,
        kind: SpanKind,
        attributes: Attributes,
        creations: Sequence[SpanContext | None],
        began_ns: int | None = None,
        context: Context | None = None,
    ) -> Span:
        """Start the span of an operation; `creations` are the contexts of its events."""
        place = attributes.get(names.DESTINATION) or attributes.get(names.SUBSCRIPTION)
        operation = attributes[names.OPERATION]
        name = f"{operation} {place}" if place else str(operation)
        return self._tracer.start_span(name, context, kind, attributes, links_to(creations), began_ns)

    @contextmanager
    def current(self, span: Span, attributes: Attributes, durations: Histogram) -> Iterator[None]:
        """Make a span the current one for a block, end it, and measure how long the block took."""
        began = time.perf_counter()
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except BaseException as error:
                failed(span, attributes, error)
                raise
            finally:
                measure(durations, time.perf_counter() - began, attributes)


def measure(durations: Histogram, seconds: float, attributes: Attributes) -> None:
    """Record a duration."""
    durations.record(seconds, _measured(attributes))


def count(counter: Counter, events: int, attributes: Attributes) -> None:
    """Count events."""
    if events:
        counter.add(events, _measured(attributes))


def attributes_of_operation(
    operation: str, events: Sequence[Event], service: Service | None, subscriber: str | None = None
) -> Attributes:
    """Return what the conventions want of an operation. Nothing of an event's data."""
    attributes: Attributes = {
        names.SYSTEM: names.PUBSUBCLIENT,
        names.OPERATION: operation,
        names.OPERATION_TYPE: names.TYPES[operation],
    }
    topics = {event.topic for event in events}
    if len(topics) == 1:
        attributes[names.DESTINATION] = topics.pop()
    if subscriber is not None:
        attributes[names.SUBSCRIPTION] = subscriber
    if len(events) == 1 and operation != "receive":
        attributes[names.MESSAGE_ID] = events[0].id
    elif events:
        attributes[names.MESSAGE_COUNT] = len(events)
    partitions = {partition(event.sequence) for event in events if isinstance(event, ReceivedEvent)}
    if len(topics) <= 1 and len(partitions) == 1:
        attributes[names.PARTITION] = partitions.pop()
    if service is not None:
        attributes[names.SERVER_ADDRESS], attributes[names.SERVER_PORT] = _server(service.urls["publish"])
    return attributes


def partition(sequence: str) -> str:
    """Return the partition that a sequence such as ``0000-00000000000000000017`` begins with."""
    return sequence.partition("-")[0]


def failed(span: Span, attributes: Attributes, error: BaseException) -> None:
    """Mark an operation as failed: by the problem's code, or the exception's class."""
    cause = error.__cause__ if isinstance(error, PublishError) else error
    kind = cause.code if isinstance(cause, ServiceError) and cause.code else type(error).__qualname__
    attributes[names.ERROR_TYPE] = kind
    span.set_attribute(names.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR))


@functools.lru_cache(maxsize=100)
def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _seconds(meter: Meter, name: str) -> Histogram:
    return meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=names.BUCKETS_S)


def _measured(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if name not in _NOT_MEASURED}
