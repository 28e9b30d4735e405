"""What a handler's function is called with."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import msgspec
import pytest

from pubsubclient import App, ConfigurationError, Event, ReceivedEvent, Topic
from pubsubclient._core.extras import install_command
from unit.app.received import handler, received, run
from unit.sdk.programs import run_program

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class Order:
    number: int


class Row(TypedDict):
    number: int


class Placed(msgspec.Struct):
    number: int


calls: list[Any] = []


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


def nothing() -> None:
    calls.append(())


def data(order: Order) -> None:
    calls.append(order)


def data_and_event(order: Order, event: Event) -> None:
    calls.append((order, event))


def event_and_data(event: ReceivedEvent, order: dict[str, Any]) -> None:
    calls.append((event, order))


def events(one: Event, two: ReceivedEvent) -> None:
    calls.append((one, two))


def by_keyword(*, order: Row, event: Event) -> None:
    calls.append((order, event))


def positional_only(order: Placed, /, event: Event) -> None:
    calls.append((order, event))


def unannotated(order, event: Event):
    calls.append((order, event))


def with_a_default(order: Order, *, clock: str = "real") -> None:
    calls.append((order, clock))


class Charging:
    def charge(self, order: Order) -> None:
        calls.append(order)

    def __call__(self, order: Order) -> None:
        calls.append(order)


class Later:
    async def __call__(self, order: Order) -> None:
        calls.append(order)


def bound(prefix: str, order: Order) -> None:
    calls.append((prefix, order))


@functools.wraps(data)
def wrapped(*args: Any, **kwargs: Any) -> None:
    data(*args, **kwargs)


EVENT = received({"number": 17})


@pytest.mark.parametrize(
    ("function", "call"),
    [
        (nothing, ()),
        (data, Order(17)),
        (data_and_event, (Order(17), EVENT)),
        (event_and_data, (EVENT, {"number": 17})),
        (events, (EVENT, EVENT)),
        (by_keyword, ({"number": 17}, EVENT)),
        (positional_only, (Placed(17), EVENT)),
        (unannotated, ({"number": 17}, EVENT)),
        (with_a_default, (Order(17), "real")),
        (Charging().charge, Order(17)),
        (Charging(), Order(17)),
        (Later(), Order(17)),
        (functools.partial(bound, "a"), ("a", Order(17))),
        (wrapped, Order(17)),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_parameters_get_the_data_and_the_event(function: Any, call: Any) -> None:
    """By their annotations, whatever their names and order."""
    app = App("billing")
    assert app.handler("orders")(function) is function
    one = handler(app)
    outcome = asyncio.run(one.run_async([EVENT])) if one.is_async else one.run([EVENT])
    assert (outcome.kind, outcome.error) == ("ack", None)
    assert calls == [call]
    assert one.is_async == isinstance(function, Later)


def test_the_topic_says_the_type_of_data_without_an_annotation() -> None:
    """An annotation says more."""
    app = App("billing")
    app.handler(Topic("orders", of=Order))(unannotated)
    assert run(app, EVENT).kind == "ack"
    assert calls == [(Order(17), EVENT)]
    other = App("billing")
    other.handler(Topic("orders", of=Order))(event_and_data)
    assert run(other, EVENT).kind == "ack"
    assert calls[1] == (EVENT, {"number": 17})


def test_bytes_are_decoded() -> None:
    app = App("billing")
    app.handler("images")(lambda image: calls.append(image))  # noqa: PLW0108 - with a parameter
    image = received(b"bytes", "images")
    assert run(app, image).kind == "ack"
    assert calls == [b"bytes"]


def batch_of_data(orders: list[Order]) -> None:
    calls.append(orders)


def batch_of_both(orders: Sequence[Order], events: list[Event]) -> None:
    calls.append((orders, events))


def batch_unannotated(orders, events: list[ReceivedEvent]):
    calls.append((orders, events))


def batch_of_anything(orders: list) -> None:  # type: ignore[type-arg]
    calls.append(orders)


def test_a_batch_is_lists() -> None:
    first, second = received({"number": 1}), received({"number": 2})
    for function, call in [
        (batch_of_data, [Order(1), Order(2)]),
        (batch_of_both, ([Order(1), Order(2)], [first, second])),
        (batch_unannotated, ([{"number": 1}, {"number": 2}], [first, second])),
        (batch_of_anything, [{"number": 1}, {"number": 2}]),
    ]:
        calls.clear()
        app = App("billing")
        app.handler("orders", batch=10)(function)
        assert run(app, first, second).kind == "ack"
        assert calls == [call]


def two(order: Order, other: Order) -> None: ...


def rest(*orders: Order) -> None: ...


def options(order: Order, **options: Any) -> None: ...


def two_without_annotations(order, message): ...


def foreign(order: TestForeign) -> None: ...


class TestForeign:
    __test__ = False


def only_for_checkers(order: Decimal) -> None: ...


def one_event(event: Event) -> None: ...


def list_of_events(events: list[Event]) -> None: ...


def generator(order: Order) -> Any:
    yield order


async def async_generator(order: Order) -> Any:
    yield order


@pytest.mark.parametrize(
    ("function", "batch", "says"),
    [
        (
            two,
            None,
            r"\.two: expected at most one parameter for the data, and others annotated Event; got order, other",
        ),
        (two_without_annotations, None, "got order, message"),
        (rest, None, r"\.rest: expected named parameters; got \*orders"),
        (options, None, r"\.options: expected named parameters; got \*\*options"),
        (foreign, None, r"\.foreign, parameter 'order': TestForeign cannot be decoded from JSON"),
        (
            only_for_checkers,
            None,
            "an annotation cannot be resolved: name 'Decimal' is not defined.*outside of TYPE_CHECKING",
        ),
        (one_event, 10, r"parameter 'event': expected list\[Event\], because of batch="),
        (data, 10, r"parameter 'order': expected list\[...\], because of batch="),
        (list_of_events, None, "parameter 'events': expected an event, or batch= beside the list"),
        (generator, None, "expected a function that returns; got a generator function"),
        (async_generator, None, "expected a function that returns; got a generator function"),
        (Order, None, "handler: expected a function; got <class"),
        ("charge", None, "handler: expected a function; got 'charge'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_function_that_cannot_be_called_so_is_refused_where_it_is_declared(
    function: Any, batch: Any, says: str
) -> None:
    """Not at the first event."""
    app = App("billing")
    with pytest.raises(ConfigurationError, match=says):
        app.handler("orders", batch=batch)(function)
    assert app.consumers() == []


def test_a_literal_and_a_union_are_types_of_data() -> None:
    app = App("billing")

    @app.handler("orders")
    def charge(order: Literal["on", "off"] | int) -> None:
        calls.append(order)

    assert run(app, received("on")).kind == "ack"
    assert run(app, received("up")).kind == "reject"
    assert calls == ["on"]


def test_without_msgspec_a_dataclass_is_refused_and_a_dict_is_not() -> None:
    """The error names the function, the parameter and the extra."""
    code = """if True:
        import sys
        sys.modules["msgspec"] = None
        from dataclasses import dataclass
        from pubsubclient import App, ConfigurationError, Event
        @dataclass
        class Order:
            number: int
        app = App("billing")
        @app.handler("orders")
        def take(order: dict, event: Event) -> None: ...
        try:
            @app.handler("orders", type="order.placed")
            def charge(order: Order) -> None: ...
        except ConfigurationError as error:
            print(error)
        """
    ran = run_program(code, "")
    assert ran.stderr == ""
    assert ran.stdout == (
        f"__main__.charge, parameter 'order': Order needs msgspec to be decoded: {install_command('typed')}\n"
    )
