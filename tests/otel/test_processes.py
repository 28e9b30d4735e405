"""Processes: without OpenTelemetry, under ``opentelemetry-instrument``, and a service that traces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from e2e.serving import Serving

_EXPORTING = """
import json, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
kept, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
"""
_SHOWING = """
print(json.dumps([
    {"name": span.name, "kind": span.kind.name, "attributes": dict(span.attributes), "trace": span.context.trace_id,
     "id": span.context.span_id, "parent": span.parent and span.parent.span_id}
    for span in kept.get_finished_spans()
]))
"""


def output_of(program: str, *before: str) -> str:
    """Run a program, by what is `before` it on the command line if anything, and return what it prints."""
    command = [*before, sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_nothing_is_imported_unless_it_is_asked_for() -> None:
    """The API may be there or not."""
    program = (
        "import sys, pubsubclient as p; p.Publisher, p.Subscriber, p.App; import pubsubclient.testing;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert output_of(program).strip() == "[]"


def test_the_services_span_continues_the_callers() -> None:
    """Where the service's process traces; a refusal is the caller's fault, not the span's."""
    program = (
        _EXPORTING
        + """
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import NotFound, Publisher, Subscriber, otel
otel.instrument()
store = EphemeralStore()
with Emulator(store) as emulator:
    Publisher("shop", service=emulator.url).publish("orders", 1)
    subscriber = Subscriber("billing", service=emulator.url)
    try:
        subscriber.seek("orders", "latest")
    except NotFound:
        pass
store.close()
"""
        + _SHOWING
    )
    spans = json.loads(output_of(program).splitlines()[-1])
    served = [span for span in spans if span["kind"] == "SERVER"]
    assert [span["name"] for span in served] == ["POST /register", "POST /publish", "POST /register", "POST /subscribe"]
    (publish,) = [span for span in spans if span["name"] == "publish orders"]
    assert (served[1]["trace"], served[1]["parent"]) == (publish["trace"], publish["id"])
    assert served[1]["attributes"] == {
        "http.request.method": "POST",
        "http.route": "/publish",
        "url.scheme": "http",
        "http.response.status_code": 200,
    }
    assert served[3]["attributes"]["http.response.status_code"] == 404
    assert "error.type" not in served[3]["attributes"]


def test_opentelemetry_instrument_finds_the_package(serving: Serving) -> None:
    """By its entry point: the program has no line about traces."""
    program = f"from pubsubclient import Publisher; Publisher('auto', service={serving.url!r}).publish('auto', 1)"
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    exporting = ("--traces_exporter", "console", "--metrics_exporter", "none", "--logs_exporter", "none")
    shown = output_of(program, instrument, *exporting)
    span = json.loads(shown)
    assert (span["name"], span["kind"]) == ("publish auto", "SpanKind.PRODUCER")
