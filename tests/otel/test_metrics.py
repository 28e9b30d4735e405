"""What is measured, and that it makes no time series of each event."""

from __future__ import annotations

import pytest

from pubsubclient import App, Event, Publisher, PublishRefused, Subscriber, otel
from pubsubclient.testing import Local

from .conftest import Telemetry


def test_durations_and_numbers(service: Local, telemetry: Telemetry) -> None:
    """Of calls, runs and events, by the names of the conventions."""
    app = App("billing")

    @app.handler("orders")
    def handle(number: int) -> None:
        if number:
            raise ValueError(number)

    Subscriber("billing").subscribe("orders")
    Publisher("shop").publish([Event("orders", number) for number in range(3)])
    service.deliver(app, errors="keep")
    assert [point.value for point in telemetry.measured("messaging.client.sent.messages")] == [3]
    assert [point.value for point in telemetry.measured("messaging.client.consumed.messages")] == [3]
    runs = {
        point.attributes.get("error.type"): point.count for point in telemetry.measured("messaging.process.duration")
    }
    assert runs == {None: 1, "ValueError": 2}
    calls = {
        point.attributes["messaging.operation.name"]: point.count
        for point in telemetry.measured("messaging.client.operation.duration")
    }
    assert calls == {"publish": 1, "receive": 3, "ack": 1, "nack": 2}
    for name in ("messaging.process.duration", "messaging.client.operation.duration"):
        assert not any("messaging.message.id" in point.attributes for point in telemetry.measured(name))


def test_events_that_were_stored_before_a_failure_are_counted(service: Local, telemetry: Telemetry) -> None:
    """A publish to two topics sends two requests; the second is refused."""
    service.fail("publish", status=403, match={"topic": "invoices"})
    events = [Event("orders", 1), Event("orders", 2), Event("invoices", 3)]
    with pytest.raises(PublishRefused) as refused:
        Publisher("shop").publish(events)
    assert [receipt is None for receipt in refused.value.receipts] == [False, False, True]
    assert [point.value for point in telemetry.measured("messaging.client.sent.messages")] == [2]


def test_a_subscribers_backlog_is_measured_when_it_is_asked_for(service: Local, telemetry: Telemetry) -> None:
    """With the age of its oldest event. A service out of reach leaves no value."""
    subscriber = Subscriber("billing")
    subscriber.subscribe("orders")
    assert telemetry.measured("pubsubclient.backlog") == []
    otel.measure(subscriber, telemetry.meter_provider)
    Publisher("shop").publish([Event("orders", number) for number in range(3)])
    service.advance(10)
    (backlog,) = telemetry.measured("pubsubclient.backlog")
    assert (backlog.value, backlog.attributes["messaging.destination.subscription.name"]) == (3, "billing")
    (age,) = telemetry.measured("pubsubclient.oldest_age")
    assert age.value >= 10
    service.fail("register", status=403, times=2)
    assert telemetry.measured("pubsubclient.backlog") == []
