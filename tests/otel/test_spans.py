"""The spans of calls: their names, kinds, attributes and links are exactly those of docs/telemetry.md."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from e2e.serving import Serving
from pubsubclient import App, Event, Publisher, PublishRefused, Reject, Service, Subscriber, otel
from pubsubclient.testing import Local

from .conftest import Telemetry, operation_of

_ALWAYS = {"messaging.system": "pubsubclient", "messaging.destination.name": "orders"}
_SERVER = {"server.address": "pubsub-testing.localhost", "server.port": 80}
_BILLING = {"messaging.destination.subscription.name": "billing"}
_ONE = {"messaging.batch.message_count": 1}
_FIRST = {"messaging.destination.partition.id": "0000"}


def _operation(name: str, kind: str) -> dict[str, Any]:
    return {**_ALWAYS, "messaging.operation.name": name, "messaging.operation.type": kind}


def _told(span: ReadableSpan) -> tuple[str, str, dict[str, Any], list[int]]:
    """Name, kind, attributes, and the spans that it is linked to."""
    return span.name, span.kind.name, dict(span.attributes or {}), [link.context.span_id for link in span.links]


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def test_three_events_from_publish_to_settlement(service: Local, telemetry: Telemetry) -> None:
    """One request publishes them, one brings them, each is handled, one fails, and each is settled."""
    app = App("billing")

    @app.handler("orders")
    def handle(number: int) -> None:
        if number == 1:
            raise ValueError(number)

    Subscriber("billing").subscribe("orders")
    Publisher("shop").publish([Event("orders", number) for number in range(3)])
    service.deliver(app, errors="keep")
    (publish,) = telemetry.spans("publish")
    assert _told(publish) == (
        "publish orders",
        "CLIENT",
        {**_operation("publish", "send"), "messaging.batch.message_count": 3, **_SERVER},
        [],
    )
    origin = [_id(publish)]
    one = {**_BILLING, **_FIRST}
    received = {**_operation("receive", "receive"), **one, **_ONE, **_SERVER}
    assert [_told(span) for span in telemetry.spans("receive")] == 3 * [("receive orders", "CLIENT", received, origin)]
    processed = telemetry.spans("process")
    ids = [dict(span.attributes or {})["messaging.message.id"] for span in processed]
    assert len(set(ids)) == 3
    for span, id_, failed in zip(processed, ids, ({}, {"error.type": "ValueError"}, {}), strict=True):
        run = {**_operation("process", "process"), **one, "messaging.message.id": id_, **failed}
        assert _told(span) == ("process orders", "CONSUMER", run, origin)
    assert [span.status.status_code.name for span in processed] == ["UNSET", "ERROR", "UNSET"]
    for span, verb in zip(telemetry.spans("ack", "nack", "release"), ("ack", "nack", "ack"), strict=True):
        settled = {**_operation(verb, "settle"), **_BILLING, **_ONE, **_SERVER}
        assert _told(span) == (f"{verb} orders", "CLIENT", settled, origin)


def test_one_event_has_a_producer_whose_context_it_carries(service: Local, telemetry: Telemetry) -> None:
    """The span is the child of the program's."""
    subscriber = Subscriber("billing")
    subscriber.subscribe("orders")
    with telemetry.tracer.start_as_current_span("request") as request:
        receipt = Publisher("shop").publish("orders", {"number": 17}, type="order.placed")
    (span,) = telemetry.spans()
    expected = {**_operation("publish", "send"), **_FIRST, "messaging.message.id": receipt.id, **_SERVER}
    assert _told(span) == ("publish orders", "PRODUCER", expected, [])
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id
    (event,) = subscriber.get_events()
    context = request.get_span_context()
    assert str(event.attributes["traceparent"]).startswith(f"00-{context.trace_id:032x}-{_id(span):016x}-")


def test_an_event_that_has_a_context_keeps_it(service: Local, telemetry: Telemetry) -> None:
    """The publish is linked to it, and so is the handler's run, or is its child on request."""
    app = App("billing")
    app.handler("orders")(lambda number: None)
    Subscriber("billing").subscribe("orders")
    traceparent = f"00-{1:032x}-{2:016x}-01"
    Publisher("shop").publish("orders", 1, attributes={"traceparent": traceparent})
    service.deliver(app)
    linked = [(span.kind.name, _told(span)[3]) for span in telemetry.spans("publish", "process")]
    assert linked == [("CLIENT", [2]), ("CONSUMER", [2])]
    otel.instrument(telemetry.tracer_provider, telemetry.meter_provider, parent=True)
    Publisher("shop").publish("orders", 2, attributes={"traceparent": traceparent})
    service.deliver(app)
    child = telemetry.spans("process")[-1]
    assert child.parent is not None
    assert (child.parent.trace_id, child.parent.span_id) == (1, 2)


@pytest.mark.parametrize("junk", ["", "00-zz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\u202e" * 50])
def test_a_context_that_is_none_is_no_link(service: Local, telemetry: Telemetry, junk: str) -> None:
    """An event of elsewhere may carry anything."""
    subscriber = Subscriber("billing")
    subscriber.subscribe("orders")
    Publisher("shop").publish("orders", 1, attributes={"traceparent": junk} if junk else None)
    assert len(subscriber.get_events()) == 1
    (span,) = telemetry.spans("receive")
    assert len(span.links) == (0 if junk else 1)


def test_create_spans_are_made_on_request(service: Local, telemetry: Telemetry) -> None:
    """For each of several events, in a call and in a batch; the request is linked to them."""
    otel.instrument(telemetry.tracer_provider, telemetry.meter_provider, create_spans=True)
    publisher = Publisher("shop")
    publisher.publish([Event("orders", number) for number in range(2)])
    with publisher.batch(max_delay=60) as batch:
        batch.publish("orders", 2)
        batch.publish("orders", 3)
    spans = telemetry.spans()
    created = [span for span in spans if operation_of(span) == "create"]
    assert [(span.name, span.kind.name) for span in created] == 4 * [("create orders", "PRODUCER")]
    published = [span for span in spans if operation_of(span) == "publish"]
    assert [[link.context.span_id for link in span.links] for span in published] == [
        [_id(span) for span in created[:2]],
        [_id(span) for span in created[2:]],
    ]


def test_a_batch_links_to_the_spans_in_which_its_events_were_put(service: Local, telemetry: Telemetry) -> None:
    """The request itself leaves in another thread, maybe."""
    with Publisher("shop").batch() as batch, telemetry.tracer.start_as_current_span("request") as request:
        for number in range(3):
            batch.publish("orders", number)
    (span,) = telemetry.spans()
    origin = [request.get_span_context().span_id]
    expected = {**_operation("publish", "send"), "messaging.batch.message_count": 3, **_SERVER}
    assert _told(span) == ("publish orders", "CLIENT", expected, origin)


def test_failures_have_the_problems_code(service: Local, telemetry: Telemetry) -> None:
    """And a handler that rejects has failed."""
    app = App("billing")

    @app.handler("orders")
    def handle(number: int) -> None:
        raise Reject("no such customer")

    Subscriber("billing").subscribe("orders")
    Publisher("shop").publish("orders", 1)
    service.deliver(app, errors="keep")
    (rejected,) = telemetry.spans("process")
    assert dict(rejected.attributes or {})["error.type"] == "Reject"
    service.fail("publish", status=403, code="not_owner")
    with pytest.raises(PublishRefused):
        Publisher("shop").publish("orders", 1)
    refused = telemetry.spans("publish")[-1]
    assert dict(refused.attributes or {})["error.type"] == "not_owner"
    assert refused.status.status_code.name == "ERROR"


def test_a_worker_makes_no_spans_of_what_it_fetches_ahead(telemetry: Telemetry, serving: Serving) -> None:
    """Its handlers' runs have spans, and so has the request that settles them."""
    app = App("w-billing", service=Service(serving.url))
    done = threading.Semaphore(0)

    @app.handler("w-orders")
    def handle(number: int) -> None:
        done.release()

    worker = app.worker()
    worker.start()
    try:
        Publisher("shop", service=serving.url).publish([Event("w-orders", number) for number in range(3)])
        for _ in range(3):
            assert done.acquire(timeout=60)
    finally:
        worker.stop()
        assert worker.join(60)
    (publish,) = telemetry.spans("publish")
    assert telemetry.spans("receive") == []
    links = [[link.context.span_id for link in span.links] for span in telemetry.spans("process")]
    assert links == 3 * [[_id(publish)]]
    # the stop cuts a fetch that waits, and what it carried is sent again
    settled = [span for span in telemetry.spans("ack") if span.status.is_unset]
    assert sum(dict(span.attributes or {})["messaging.batch.message_count"] for span in settled) == 3
    assert {link.context.span_id for span in settled for link in span.links} == {_id(publish)}
    (consumed,) = telemetry.measured("messaging.client.consumed.messages")
    assert consumed.value == 3
