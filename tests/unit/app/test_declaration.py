"""Options of handlers: each wrong one is an error where the handler is declared, and what they ask of subscriptions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any as AnyValue

import pytest

from pubsubclient import Any, App, ConfigurationError, InvalidArgument, Topic
from unit.app.received import handler, received


def nothing() -> None: ...


def other() -> None: ...


def settings_of(app: App) -> dict[str, AnyValue]:
    """The only subscription's settings."""
    (consumer,) = app.consumers()
    (subscription,) = consumer.subscriptions
    return dict(subscription.settings)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"type": ""}, "type: expected a string that is not empty"),
        ({"type": 7}, "type: expected a string"),
        ({"subscriber": "a/b"}, "'a/b' cannot name a subscriber"),
        ({"filters": "x"}, "filters: expected a list"),
        ({"filters": [{"like": {}}]}, r"filters\[0\].like: expected one of"),
        ({"start": "yesterday"}, 'start: expected "earliest"'),
        ({"ack_deadline": 0}, "ack_deadline: expected 1 to 600"),
        ({"max_attempts": 0}, "max_attempts: expected 1 to 100"),
        ({"max_attempts": "5"}, "max_attempts: expected 1 to 100"),
        ({"backoff": 601}, "backoff: expected 0 to 600"),
        ({"dead_letter_topic": "a b"}, "'a b' cannot name a topic"),
        ({"ordered": 1}, "ordered: expected True or False"),
        ({"lane": 7}, "lane: expected an attribute's name, or a function of the event; got 7"),
        ({"lane": "Sub Ject"}, "lane: expected an attribute's name"),
        ({"timeout": 0}, "timeout: expected more than 0 seconds"),
        ({"timeout": "1"}, "timeout: expected seconds from 0"),
        ({"concurrency": 0}, "concurrency: expected 1 to 10000"),
        ({"batch": 0}, "batch: expected 1 to 1000"),
        ({"batch": 1001}, "batch: expected 1 to 1000"),
        ({"publish_to": "a b"}, "'a b' cannot name a topic"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_where_it_is_given(options: dict[str, AnyValue], says: str) -> None:
    app = App("billing")
    with pytest.raises(InvalidArgument, match=says):
        app.handler("orders", **options)(nothing)
    assert app.consumers() == []


@pytest.mark.parametrize("topic", ["", "a..b", "orders.>.x", 7, None])
def test_a_wrong_topic_is_refused_where_it_is_given(topic: AnyValue) -> None:
    with pytest.raises(InvalidArgument):
        App("billing").handler(topic)(nothing)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lane": "subject"}, "lane: expected without batch"),
        ({"publish_to": "receipts"}, "publish_to: expected without batch"),
    ],
)
def test_what_a_batch_cannot_have(options: dict[str, AnyValue], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        App("billing").handler("orders", batch=10, **options)(nothing)


def test_the_name_of_an_app_is_checked() -> None:
    for name in ("", "a/b", "x" * 251, None):
        with pytest.raises(InvalidArgument):
            App(name)  # type: ignore[arg-type]


def test_options_become_settings_of_the_subscription() -> None:
    """Those that are not given keep their values; the filters are always set."""
    app = App("billing")
    app.handler("orders")(nothing)
    assert settings_of(app) == {"filters": []}
    app = App("billing")
    app.handler(
        Topic("orders"), type="order.placed", filters=[{"prefix": {"subject": "eu."}}], start="latest", ack_deadline=60,
        max_attempts=3, backoff=timedelta(seconds=2), dead_letter_topic="failed", ordered=True,
    )(nothing)  # fmt: skip
    assert settings_of(app) == {
        "filters": [{"exact": {"type": "order.placed"}}, {"prefix": {"subject": "eu."}}],
        "start": "latest", "ack_deadline": 60, "max_attempts": 3, "backoff": timedelta(seconds=2),
        "dead_letter_topic": "failed", "ordered": True,
    }  # fmt: skip


def test_the_handler_says_how_it_is_run() -> None:
    app = App("billing")
    app.handler("orders", timeout=timedelta(seconds=2), concurrency=3, max_attempts=7)(nothing)
    one = handler(app)
    assert (one.name, one.is_async, one.batch) == ("tests.unit.app.test_declaration.nothing", False, None)
    assert (one.timeout_s, one.concurrency, one.max_attempts) == (2.0, 3, 7)


def test_lanes() -> None:
    """By default an ordered topic is one lane, and other events have none."""

    def lane_of(**options: AnyValue) -> AnyValue:
        app = App("billing")
        app.handler("orders", **options)(nothing)
        return handler(app).lane(received(subject="17", region="eu"))

    assert lane_of() is None
    assert lane_of(ordered=True) == "orders"
    assert lane_of(lane="region") == lane_of(ordered=True, lane="region") == ("region", "eu")
    assert lane_of(lane="customer") == ("customer", None)
    assert lane_of(lane=lambda event: int(event.subject)) == 17
    assert lane_of(lane=lambda event: None) is None


def test_a_lane_that_cannot_be_told_is_the_topic(caplog: pytest.LogCaptureFixture) -> None:
    """The order is kept, and the log says why it is slow."""
    app = App("billing")
    app.handler("orders", lane=lambda event: event.data["customer"])(nothing)
    assert handler(app).lane(received({"number": 1})) == "orders"
    assert "KeyError('customer')" in caplog.text
    app = App("billing")
    app.handler("orders", lane=lambda event: [1])(nothing)
    assert handler(app).lane(received()) == "orders"


def test_handlers_of_one_topic_share_a_subscription() -> None:
    """An event goes to the first that takes it; what none takes is not delivered."""
    app = App("billing")
    app.handler("orders", type="order.placed", max_attempts=3)(nothing)
    app.handler("orders", type="order.cancelled", filters=[{"exact": {"region": "eu"}}], backoff=1)(other)
    assert settings_of(app) == {
        "max_attempts": 3, "backoff": 1,
        "filters": [{"any": [
            {"exact": {"type": "order.placed"}},
            {"all": [{"exact": {"type": "order.cancelled"}}, {"exact": {"region": "eu"}}]},
        ]}],
    }  # fmt: skip
    (consumer,) = app.consumers()
    placed, cancelled = consumer.handlers
    assert consumer.handler_of(received(type="order.placed")) is placed
    assert consumer.handler_of(received(type="order.cancelled", region="eu")) is cancelled
    assert consumer.handler_of(received(type="order.cancelled")) is None
    assert consumer.handler_of(received(type="order.placed", topic="invoices")) is None


def test_a_handler_of_everything_wants_everything() -> None:
    """Declared last, it gets what the others leave."""
    app = App("billing")
    app.handler("orders", type="order.placed")(nothing)
    app.handler("orders")(other)
    assert settings_of(app) == {"filters": []}
    (consumer,) = app.consumers()
    assert consumer.handler_of(received(type="x")) is consumer.handlers[1]


def test_patterns() -> None:
    app = App("billing")
    app.handler("orders.*")(nothing)
    app.handler(Any)(other)
    (consumer,) = app.consumers()
    assert [subscription.topic for subscription in consumer.subscriptions] == ["orders.*", ">"]
    assert consumer.handler_of(received(topic="orders.eu")) is consumer.handlers[0]
    assert consumer.handler_of(received(topic="orders.eu.north")) is consumer.handlers[1]


def test_names_have_consumers_of_their_own() -> None:
    """So that an event is handled twice."""
    app = App("billing")
    app.handler("orders")(nothing)
    app.handler("orders", subscriber="audit")(nothing)
    app.handler("invoices")(other)
    assert [(c.subscriber, len(c.handlers), len(c.subscriptions)) for c in app.consumers()] == [
        ("billing", 2, 2), ("audit", 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ({}, {}, r"\.other: .*\.nothing handles every type of the topic 'orders' for the subscriber 'billing' already"),
        (
            {"type": "x"},
            {"type": "x"},
            "handles the type 'x' of the topic 'orders' for the subscriber 'billing' already",
        ),
        ({"subscriber": "audit"}, {"subscriber": "audit"}, "for the subscriber 'audit' already"),
        ({"subscriber": "billing"}, {}, "for the subscriber 'billing' already"),
        ({}, {"type": "x"}, r"other: it would never run, because .*nothing, declared before it, takes all its events"),
        ({"type": "x"}, {"type": "x", "filters": [{"exact": {"subject": "s"}}]}, "it would never run"),
        ({"type": "x", "backoff": 1}, {"type": "y", "backoff": 2}, r"backoff=2, but .*nothing has 1, and both share"),
        ({"type": "x", "ordered": True}, {"type": "y", "ordered": False}, "ordered=False, but"),
    ],
    ids=str,
)
def test_handlers_that_cannot_stand_together(first: AnyValue, second: AnyValue, says: str) -> None:
    """The second is refused, and the first stays."""
    app = App("billing")
    app.handler("orders", **first)(nothing)
    with pytest.raises(ConfigurationError, match=says):
        app.handler("orders", **second)(other)
    assert [len(consumer.handlers) for consumer in app.consumers()] == [1]


def test_of_two_handlers_the_one_of_fewer_events_comes_first() -> None:
    app = App("billing")
    app.handler("orders", type="x", filters=[{"exact": {"subject": "s"}}])(nothing)
    app.handler("orders", type="x")(other)
    app.handler("orders")(nothing)
    assert [len(consumer.handlers) for consumer in app.consumers()] == [3]


def test_a_handler_that_is_declared_without_its_topic() -> None:
    app: AnyValue = App("billing")
    says = r'got the function nothing. Write @app.handler\("orders"\)'
    with pytest.raises(ConfigurationError, match=says):
        app.handler(nothing)


def test_filters_that_are_too_many_together() -> None:
    app = App("billing")
    with pytest.raises(InvalidArgument, match="at most 100 comparisons"):  # noqa: PT012
        for number in range(101):
            app.handler("orders", type=f"t{number}")(nothing)
    assert len(app.consumers()[0].handlers) == 99
