"""Handlers of an App over a real service, by the protocol that workers follow; without a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from e2e.serving import Serving
from pubsubclient import App, Event, Publisher, ReceivedEvent, Reject, Retry, Service, Subscriber, Topic
from pubsubclient._worker.outcome import Outcome


@dataclass
class Order:
    number: int
    amount: float


@dataclass
class Invoice:
    number: int
    total: float


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:8]}"


@pytest.fixture
def service(shared: Serving) -> Service:
    return Service(shared.url)


@pytest.fixture
def app(service: Service, prefix: str) -> App:
    return App(f"{prefix}-billing", service=service)


@pytest.fixture
def reader(service: Service, prefix: str) -> Iterator[Subscriber]:
    """Another subscriber, of everything that the test publishes."""
    with Subscriber(f"{prefix}-reader", service=service) as reader:
        reader.subscribe(f"{prefix}.>")
        yield reader


class Consuming:
    """The subscriber of an app's only consumer, in a test's hands."""

    def __init__(self, app: App, service: Service) -> None:
        (self.consumer,) = app.consumers()
        self.subscriber = Subscriber(self.consumer.subscriber, service=service)
        self.consumer.subscribe(self.subscriber)

    def events(self) -> list[ReceivedEvent]:
        return list(self.subscriber.get_events())

    def run(self, *events: ReceivedEvent) -> Outcome:
        handler = self.consumer.handler_of(events[0])
        assert handler is not None
        return handler.run(events)


Consume = Callable[[App], Consuming]


@pytest.fixture
def consume(service: Service) -> Iterator[Consume]:
    """Makes the subscriber of an app; it is closed with the test."""
    made: list[Consuming] = []

    def consume(app: App) -> Consuming:
        made.append(Consuming(app, service))
        return made[-1]

    yield consume
    for one in made:
        one.subscriber.close()


def test_typed_data_from_one_side_to_the_other(app: App, consume: Consume, prefix: str) -> None:
    """Of the two types that handlers take, each goes to its own; others are not delivered."""
    orders: Topic[Order] = Topic(f"{prefix}.orders", of=Order)
    seen: list[object] = []

    @app.handler(orders, type="order.placed")
    def charge(order: Order, event: Event) -> None:
        seen.append((order, event.subject))

    @app.handler(orders, type="order.cancelled")
    def refund(order: Order) -> None:
        seen.append(order.number)

    consuming = consume(app)
    app.publish(orders, Order(1, 2.5), type="order.placed", subject="1")
    app.publish(orders, Order(2, 2.5), type="order.cancelled")
    app.publish(orders, Order(3, 2.5), type="order.lost")
    events = consuming.events()
    assert [consuming.run(event).kind for event in events] == ["ack", "ack"]
    assert seen == [(Order(1, 2.5), "1"), 2]


def test_an_answer_is_stored_once_however_often_the_handler_runs(
    app: App, consume: Consume, prefix: str, reader: Subscriber
) -> None:
    """Its id is made of the event's, and the second run's answer is the first one's."""
    invoices = Topic(f"{prefix}.invoices", of=Invoice)

    @app.handler(f"{prefix}.orders", publish_to=invoices)
    def charge(order: dict[str, float], event: Event) -> Invoice:
        return Invoice(int(order["number"]), order["amount"])

    consuming = consume(app)
    app.publish(f"{prefix}.orders", {"number": 1, "amount": 2.5})
    app.publish(f"{prefix}.orders", {"number": 2, "amount": 5.0})
    first, second = consuming.events()
    assert [consuming.run(event).kind for event in (first, first, second, first)] == ["ack"] * 4
    answers = [event.data for event in reader.get_events() if event.topic == invoices.name]
    assert answers == [{"number": 1, "total": 2.5}, {"number": 2, "total": 5.0}]


def test_an_answer_may_be_an_event_or_none(app: App, consume: Consume, prefix: str, reader: Subscriber) -> None:
    """None is no answer. Of an event, the id is not kept."""
    ids: list[str] = []

    @app.handler(f"{prefix}.orders", publish_to=f"{prefix}.invoices")
    def charge(order: int) -> Event | None:
        answer = Event(f"{prefix}.invoices", order, type="invoice.made", subject="17", attributes={"region": "eu"})
        ids.append(answer.id)
        return answer if order > 1 else None

    consuming = consume(app)
    for number in (1, 2):
        app.publish(f"{prefix}.orders", number)
    events = consuming.events()
    assert [consuming.run(event).kind for event in [*events, *events]] == ["ack"] * 4
    (answer,) = [event for event in reader.get_events() if event.topic.endswith("invoices")]
    assert (answer.type, answer.subject, answer.attributes, answer.data) == ("invoice.made", "17", {"region": "eu"}, 2)
    assert answer.id not in ids


@pytest.mark.parametrize("result", [object(), Event("elsewhere", 1)], ids=["no data", "of another topic"])
def test_an_answer_that_cannot_be_published_is_a_failure(
    app: App, consume: Consume, prefix: str, result: object
) -> None:
    app.handler(f"{prefix}.orders", publish_to=f"{prefix}.invoices")(lambda: result)
    consuming = consume(app)
    app.publish(f"{prefix}.orders", 1)
    outcome = consuming.run(*consuming.events())
    assert (outcome.kind, str(outcome.reason).partition(":")[0]) == ("retry", "InvalidArgument")


def test_an_answer_that_the_service_does_not_get_is_a_failure(service: Service, consume: Consume, prefix: str) -> None:
    """The event comes again, and its answer is the same event."""
    away = Service("http://127.0.0.1:9", deadline_s=0.2, start_deadline_s=0.2)
    app = App(f"{prefix}-billing", service=away)
    app.handler(f"{prefix}.orders", publish_to=f"{prefix}.invoices")(lambda: 7)
    consuming = consume(app)
    Publisher(f"{prefix}-shop", service=service).publish(f"{prefix}.orders", 1)
    outcome = consuming.run(*consuming.events())
    assert (outcome.kind, str(outcome.reason).partition(":")[0]) == ("retry", "Unavailable")


def test_what_the_handler_settles_stays_so(app: App, consume: Consume, prefix: str) -> None:
    """Whatever comes after it."""

    @app.handler(f"{prefix}.orders")
    def charge(order: str, event: ReceivedEvent) -> None:
        if order == "ack":
            event.ack()
            raise ValueError("after it")
        if order == "nack":
            event.nack(dead=True)
        if order == "release":
            event.release()
            raise Retry("after it")

    consuming = consume(app)
    for order in ("ack", "nack", "release", "nothing"):
        app.publish(f"{prefix}.orders", order)
    events = consuming.events()
    outcomes = [consuming.run(event) for event in events]
    assert [outcome.kind for outcome in outcomes] == ["settled", "settled", "settled", "ack"]
    assert [str(outcome.error) for outcome in outcomes] == ["after it", "None", "after it", "None"]
    assert [event.settled for event in events] == [True, True, True, False]


def test_a_batch_runs_without_the_events_that_do_not_fit(
    app: App, service: Service, consume: Consume, prefix: str
) -> None:
    """They are dead letters, with the path of the fault."""
    seen: list[object] = []

    @app.handler(f"{prefix}.orders", batch=10)
    def charge(orders: list[Order], events: list[ReceivedEvent]) -> None:
        seen.append(([order.number for order in orders], [event.data["number"] for event in events]))
        if len(orders) == 1:
            raise Reject("alone")

    consuming = consume(app)
    for data in ({"number": 1, "amount": 1}, {"number": 2}, {"number": 3, "amount": 3}, {"number": "4", "amount": 4}):
        app.publish(f"{prefix}.orders", data)
    events = consuming.events()
    assert consuming.run(*events).kind == "ack"
    assert seen == [([1, 3], [1, 3])]
    assert [event.settled for event in events] == [False, True, False, True]
    consuming.subscriber.close()
    with Subscriber(f"{prefix}-dead", service=service) as dead:
        dead.subscribe(f"{prefix}-billing.dead")
        assert [letter.attributes["reason"] for letter in dead.get_events()] == [
            "$: object missing required field amount",
            "$.number: expected int, got str",
        ]


def test_a_batch_of_nothing_that_fits_does_not_run(app: App, consume: Consume, prefix: str) -> None:
    @app.handler(f"{prefix}.orders", batch=10)
    def charge(orders: list[Order]) -> None:
        raise AssertionError(orders)

    consuming = consume(app)
    app.publish(f"{prefix}.orders", 1)
    app.publish(f"{prefix}.orders", 2)
    assert consuming.run(*consuming.events()).kind == "settled"


def test_an_included_app_publishes_under_the_name_of_the_whole(app: App, prefix: str, reader: Subscriber) -> None:
    """And to its service."""
    part = App("part", service="http://127.0.0.1:9")
    app.include(part)
    part.publish(f"{prefix}.orders", 1)
    assert [event.source for event in reader.get_events()] == [f"/publishers/{app.name}"]
