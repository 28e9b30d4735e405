"""An order from the request that takes it to the handler that sends the invoice: one trace, drawn as a picture.

python shop.py trace.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from picture import drawn

from pubsubclient import App, otel
from pubsubclient.testing import local

# a program in production gives its provider an exporter that sends spans to a collector
spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
tracer = provider.get_tracer("shop")

app = App("billing")


@app.handler("orders", publish_to="invoices")
def invoice(order: dict[str, int]) -> dict[str, int]:
    """Send an invoice for an order."""
    with tracer.start_as_current_span("calculate the total"):
        return {"order": order["number"], "total": 3 * order["pieces"]}


def take_order(number: int, pieces: int) -> None:
    """What a web framework calls; its own instrumentation would make the span."""
    with tracer.start_as_current_span("POST /orders"):
        app.publish("orders", {"number": number, "pieces": pieces})


def main() -> None:
    """Take an order, handle it, and draw what happened."""
    otel.instrument(provider, parent=True)
    with local() as service:
        take_order(17, pieces=2)
        service.deliver(app)
    shown = [span for span in spans.get_finished_spans() if not span.name.startswith(("receive", "POST /register"))]
    Path(sys.argv[1]).write_text(drawn(shown), encoding="utf-8")
    print(f"{len(shown)} spans of {len({span.context.trace_id for span in shown if span.context})} traces")


if __name__ == "__main__":
    main()
