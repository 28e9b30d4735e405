"""Handlers of apps, run in the test's thread over real leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest

from pubsubclient import (
    App,
    ConfigurationError,
    InvalidArgument,
    Pause,
    ReceivedEvent,
    Reject,
    Retry,
    Subscriber,
)
from pubsubclient.testing import Local


class Program:
    """An app with one handler, which does as the test says."""

    def __init__(self, **options: object) -> None:
        self.app = App("billing")
        self.fails: list[BaseException] = []
        self.handled: list[object] = []

        @self.app.handler("orders", **options)  # type: ignore[call-overload]
        def charge(order: object) -> None:
            if self.fails:
                raise self.fails.pop(0)
            self.handled.append(order)


def test_what_a_handler_publishes_can_be_looked_at(pubsub: Local) -> None:
    """The app was declared without a service; the test's is its default."""
    app = App("billing")

    @app.handler("orders", type="order.placed")
    def charge(order: dict[str, int]) -> None:
        app.publish("receipts", {"order": order["number"]})

    pubsub.publish("orders", {"number": 1}, type="order.placed")
    pubsub.publish("orders", {"number": 2}, type="order.cancelled")
    runs = pubsub.deliver(app)
    assert [event.data for event in pubsub.published("receipts")] == [{"order": 1}]
    [run] = runs
    assert (run.event.data, run.attempt, run.outcome, run.reason, run.error) == ({"number": 1}, 1, "ack", None, None)
    assert run.handler is not None
    assert run.handler.endswith("charge")
    assert pubsub.deliver(app) == []
    assert pubsub.state(app).unsettled == 0


def test_an_app_is_used_by_one_test_after_another() -> None:
    """Each with a service of its own, where the app registers anew."""
    from pubsubclient.testing import local

    program = Program()
    for number in range(3):
        with local() as pubsub:
            pubsub.publish("orders", number)
            pubsub.deliver(program.app)
            program.app.publish("done", number)
            assert [event.data for event in pubsub.published("done")] == [number]
    assert program.handled == [0, 1, 2]


def test_what_a_handler_raises_comes_out_after_its_event_was_settled(pubsub: Local) -> None:
    """And the events that were not reached are given back."""
    program = Program(backoff=10)
    program.fails = [ZeroDivisionError("no divisor")]
    pubsub.publish("orders", 1)
    pubsub.publish("orders", 2)
    with pytest.raises(ZeroDivisionError):
        pubsub.deliver(program.app)
    state = pubsub.state("billing")
    assert (state.due, state.leases) == (1, ())
    assert [run.event.data for run in pubsub.deliver(program.app)] == [2]
    pubsub.advance(10)
    assert [(run.event.data, run.attempt) for run in pubsub.deliver(program.app)] == [(1, 2)]


def test_until_settled_the_clock_jumps_from_backoff_to_backoff(pubsub: Local) -> None:
    """Five attempts, 10 to 160 seconds apart: no time passes but the test's."""
    program = Program(max_attempts=5, backoff=10)
    program.fails = [Retry("no stock") for _ in range(5)]
    pubsub.publish("orders", {"number": 1})
    before_s = pubsub.service.clock.monotonic()
    runs = pubsub.deliver(program.app, until="settled", errors="keep")
    assert [run.attempt for run in runs] == [1, 2, 3, 4, 5]
    assert pubsub.service.clock.monotonic() - before_s >= 10 + 20 + 40 + 80
    [letter] = pubsub.dead_letters("billing")
    assert (letter.topic, letter.data, letter.reason, letter.attempts) == ("orders", {"number": 1}, "no stock", 5)
    assert letter.id == runs[0].event.id


def test_each_outcome_is_the_service_s(pubsub: Local) -> None:
    program = Program(backoff=30)
    program.fails = [Retry("later", delay=5), Reject("never"), Pause(60, "database is down"), KeyError("number")]
    for number in range(4):
        pubsub.publish("orders", number)
    runs = pubsub.deliver(program.app, errors="keep")
    assert [(run.outcome, run.reason) for run in runs] == [
        ("retry", "later"), ("reject", "never"), ("pause", "database is down"),
    ]  # fmt: skip
    assert [letter.reason for letter in pubsub.dead_letters(program.app)] == ["never"]
    assert pubsub.deliver(program.app, errors="keep") == []  # paused
    pubsub.advance(60)
    runs = pubsub.deliver(program.app, errors="keep")
    # the first has come again, what was paused has no new attempt, and an error is a failure
    assert [(run.event.data, run.attempt, run.outcome) for run in runs] == [
        (0, 2, "retry"),
        (2, 1, "ack"),
        (3, 1, "ack"),
    ]
    assert runs[0].reason == "KeyError: 'number'"


def test_a_pause_ends_within_a_delivery_until_settled(pubsub: Local) -> None:
    program = Program()
    program.fails = [Pause(300, "down")]
    pubsub.publish("orders", 1)
    runs = pubsub.deliver(program.app, until="settled", errors="keep")
    assert [(run.outcome, run.attempt) for run in runs] == [("pause", 1), ("ack", 1)]


def test_an_event_that_the_handler_settled_stays_so(pubsub: Local) -> None:
    app = App("billing")

    @app.handler("orders")
    def later(event: ReceivedEvent) -> None:
        event.nack(30, reason="by name")

    pubsub.publish("orders", 1)
    [run] = pubsub.deliver(app)
    assert run.outcome == "settled"
    assert pubsub.state(app).due == 1


def test_a_batch_fails_together_and_comes_again_in_parts(pubsub: Local) -> None:
    """A poison event is found by the service itself."""
    app, sizes = App("billing"), []

    @app.handler("orders", batch=100, max_attempts=4, backoff=1)
    def charge(orders: list[int]) -> None:
        sizes.append(len(orders))
        if 13 in orders:
            raise ValueError("unlucky")

    for number in range(30):
        pubsub.publish("orders", number)
    pubsub.deliver(app, until="settled", errors="keep")
    assert sizes[0] == 30
    assert [letter.data for letter in pubsub.dead_letters("billing")] == [13]
    assert pubsub.state("billing").unsettled == 0


def test_of_an_ordered_topic_nothing_newer_comes_before_what_failed(pubsub: Local) -> None:
    program = Program(ordered=True, backoff=10)
    program.fails = [ValueError("once")]
    for number in range(3):
        pubsub.publish("orders", number)
    runs = pubsub.deliver(program.app, until="settled", errors="keep")
    assert [(run.event.data, run.attempt) for run in runs] == [(0, 1), (0, 2), (1, 1), (2, 1)]


def test_asynchronous_handlers_run_beside_plain_ones(pubsub: Local) -> None:
    """In a loop of the call's own, with the lifespan around it; the SDK's calls in them go to threads."""
    said: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        said.append("begins")
        yield
        said.append("ends")

    app = App("billing", lifespan=lifespan)

    @app.handler("orders")
    async def charge(order: int) -> None:
        await asyncio.to_thread(app.publish, "receipts", order)
        said.append(f"charged {order}")

    @app.handler("receipts")
    def print_it(order: int) -> None:
        said.append(f"printed {order}")

    pubsub.publish("orders", 7)
    pubsub.deliver(app)
    assert said == ["begins", "charged 7", "printed 7", "ends"]

    async def within_a_loop() -> int:
        pubsub.publish("orders", 8)
        with pytest.raises(InvalidArgument, match="adeliver"):
            pubsub.deliver(app)
        return len(await pubsub.adeliver(app))

    assert asyncio.run(within_a_loop()) == 2


def test_a_plain_lifespan_is_around_the_delivery(pubsub: Local) -> None:
    said: list[str] = []

    @contextmanager
    def lifespan() -> Iterator[None]:
        said.append("begins")
        yield
        said.append("ends")

    app = App("billing", lifespan=lifespan)
    app.handler("orders")(said.append)
    pubsub.publish("orders", "event")
    pubsub.deliver(app)
    assert said == ["begins", "event", "ends"]


def test_several_apps_hand_events_on_until_all_are_idle(pubsub: Local) -> None:
    first, second, done = App("first"), App("second"), []

    @first.handler("a", publish_to="b")
    def double(number: int) -> int:
        return 2 * number

    second.handler("b")(done.append)
    pubsub.publish("a", 21)
    assert [run.event.topic for run in pubsub.deliver(second, first)] == ["a", "b"]
    assert done == [42]


def test_the_events_of_a_subscriber_are_acknowledged(pubsub: Local) -> None:
    subscriber = Subscriber("audit")
    subscriber.subscribe("orders")
    for number in range(3):
        pubsub.publish("orders", number)
    runs = pubsub.deliver(subscriber)
    assert [(run.event.data, run.handler, run.outcome) for run in runs] == [(n, None, "ack") for n in range(3)]
    assert pubsub.state(subscriber).unsettled == 0


def test_an_event_that_no_handler_takes_is_told_of(pubsub: Local) -> None:
    """Another program under the name asks for it; here it becomes a dead letter, as a worker has it."""
    program = Program(type="order.placed")
    pubsub.deliver(program.app)
    subscriber = Subscriber("billing")
    subscriber.subscribe("refunds")
    pubsub.publish("refunds", 1)
    with pytest.raises(Reject, match="no handler"):
        pubsub.deliver(program.app)
    assert [letter.reason for letter in pubsub.dead_letters("billing")] == ["no handler"]


def test_a_handler_that_feeds_itself_is_stopped(pubsub: Local) -> None:
    app = App("loop")

    @app.handler("orders", publish_to="orders")
    def again(number: int) -> int:
        return number + 1

    pubsub.publish("orders", 0)
    with pytest.raises(RuntimeError, match="max_events=20: does a handler publish"):
        pubsub.deliver(app, max_events=20)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("billing",), {}),
        ((App("x"),), {"until": "done"}),
        ((App("x"),), {"errors": "hide"}),
        ((App("x"),), {"max_events": 0}),
    ],
)
def test_wrong_arguments_are_refused(pubsub: Local, arguments: Sequence[object], options: dict[str, object]) -> None:
    app = App("x")
    app.handler("orders")(lambda order: order)
    given = [app if isinstance(one, App) else one for one in arguments]
    with pytest.raises(InvalidArgument):
        pubsub.deliver(*given, **options)  # type: ignore[arg-type]


def test_an_app_without_handlers_is_refused(pubsub: Local) -> None:
    with pytest.raises(ConfigurationError, match="no handlers"):
        pubsub.deliver(App("empty"))
