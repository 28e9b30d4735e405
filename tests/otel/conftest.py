"""What OpenTelemetry gets, in memory, and the service in this process. No global provider is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pubsubclient import otel
from pubsubclient.testing import Local, local


class Telemetry:
    """Providers that keep what they get."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader])
        #: of the program, not of the package
        self.tracer = self.tracer_provider.get_tracer("program")

    def spans(self, *operations: str) -> list[ReadableSpan]:
        """Return the spans of these operations in the order in which they ended; without any, all of this package's."""
        found = [span for span in self._spans.get_finished_spans() if _scope(span) == "pubsubclient"]
        return [span for span in found if not operations or operation_of(span) in operations]

    def measured(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = [metric for scope in scopes for metric in scope.metrics if metric.name == name]
        return [point for metric in found for point in metric.data.data_points]

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


def operation_of(span: ReadableSpan) -> str:
    return str((span.attributes or {})["messaging.operation.name"])


def _scope(span: ReadableSpan) -> str | None:
    return span.instrumentation_scope.name if span.instrumentation_scope else None


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers of this test's own, to which the package is instrumented."""
    kept = Telemetry()
    otel.instrument(kept.tracer_provider, kept.meter_provider)
    yield kept
    otel.uninstrument()
    kept.close()


@pytest.fixture
def service() -> Iterator[Local]:
    """The service, in this process."""
    with local() as running:
        yield running
