"""Spans and metrics of publishing, receiving, handling and settling. Needs ``pip install 'pubsubclient[otel]'``.

    from pubsubclient import otel

    otel.instrument()

No event's data is ever in a span. Programs that run under ``opentelemetry-instrument`` need no call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from pubsubclient._core.errors import PubSubError
from pubsubclient._core.observing import set_observer
from pubsubclient._otel import conventions
from pubsubclient._otel.watching import Watching
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient._version import __version__

__all__ = ["Instrumentor", "instrument", "measure", "uninstrument"]


def instrument(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    *,
    create_spans: bool = False,
    parent: bool = False,
) -> None:
    """Make spans and metrics from now on, in this process. A later call replaces an earlier one's choices.

    Args:
        tracer_provider: where spans go; by default the global one
        meter_provider: where metrics go; by default the global one
        create_spans: also make a span for each event of a call or batch that publishes several
        parent: make a handler's span a child of the event's context, so that one trace shows all; by default it is linked
    """
    tracer = get_tracer("pubsubclient", __version__, tracer_provider, conventions.SCHEMA_URL)
    meter = get_meter("pubsubclient", __version__, meter_provider, conventions.SCHEMA_URL)
    set_observer(Watching(tracer, meter, create_spans=create_spans, parent=parent))


def uninstrument() -> None:
    """Make no more spans and metrics."""
    set_observer(None)


def measure(subscriber: Subscriber, meter_provider: MeterProvider | None = None) -> None:
    """Also measure a subscriber's backlog and the age of its oldest event, by its `state`, each time metrics are collected.

    Each collection costs the service's reads of a state. While the service cannot be reached, there is no value.

    Args:
        subscriber: whose state is measured, as long as the process lives
        meter_provider: where the metrics go; by default the global one
    """
    meter = get_meter("pubsubclient", __version__, meter_provider, conventions.SCHEMA_URL)
    attributes = {
        conventions.SYSTEM: conventions.PUBSUBCLIENT,
        conventions.SUBSCRIPTION: subscriber.name,
    }

    def backlog(_: CallbackOptions) -> Iterable[Observation]:
        try:
            yield Observation(subscriber.state().backlog, attributes)
        except PubSubError:
            return

    def oldest_age(_: CallbackOptions) -> Iterable[Observation]:
        try:
            yield Observation(subscriber.state().oldest_unsettled_age_s or 0.0, attributes)
        except PubSubError:
            return

    meter.create_observable_gauge(conventions.BACKLOG, [backlog], "{message}", "Events that were not read yet")
    meter.create_observable_gauge(
        conventions.OLDEST_AGE, [oldest_age], "s", "Age of the oldest event that is not settled"
    )


class Instrumentor:
    """What ``opentelemetry-instrument`` calls, by the entry point ``opentelemetry_instrumentor``."""

    def instrument(self, **options: Any) -> None:
        """Call `instrument` with those of the options that it knows."""
        instrument(options.get("tracer_provider"), options.get("meter_provider"))

    def uninstrument(self, **_: Any) -> None:
        """Call `uninstrument`."""
        uninstrument()
