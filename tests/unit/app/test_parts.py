"""What a run is wrapped in, apps that include others, and lifespans."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

import pytest

from pubsubclient import App, ConfigurationError, InvalidArgument, Pause, ReceivedEvent, Reject, Retry
from pubsubclient._app.lifespan import joined
from unit.app.received import handler, received, run

said: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    said.clear()


def saying(name: str) -> Callable[[ReceivedEvent], AbstractContextManager[None]]:
    @contextmanager
    def around(event: ReceivedEvent) -> Iterator[None]:
        said.append(f"{name} in {event.data}")
        try:
            yield
        except Exception as error:
            said.append(f"{name} {type(error).__name__}")
            raise
        finally:
            said.append(f"{name} out")

    return around


def test_the_first_declared_is_outermost() -> None:
    """Also those that are declared after the handler."""
    app = App("billing")
    app.around(saying("a"))
    app.handler("orders")(lambda: said.append("run"))
    assert app.around(one := saying("b")) is one
    assert run(app, received(1)).kind == "ack"
    assert said == ["a in 1", "b in 1", "run", "b out", "a out"]


def test_it_sees_what_the_handler_raised() -> None:
    """Data that does not fit is a Reject."""
    app = App("billing")
    app.around(saying("a"))

    @app.handler("orders")
    def charge(order: int) -> None: ...

    assert run(app, received("x")).kind == "reject"
    assert said == ["a in x", "a Reject", "a out"]


@pytest.mark.parametrize(
    ("instead", "kind"),
    [(Retry("later", delay=3), "retry"), (Reject("never"), "reject"), (Pause(5, "down"), "pause"), (None, "ack")],
    ids=lambda value: type(value).__name__,
)
def test_it_may_put_another_end_in_place_of_the_handlers(instead: Exception | None, kind: str) -> None:
    """Or suppress it."""
    app = App("billing")

    @app.around
    @contextmanager
    def convert(event: ReceivedEvent) -> Iterator[None]:
        try:
            yield
        except ConnectionError:
            if instead is not None:
                raise instead from None

    @app.handler("orders")
    def charge() -> None:
        raise ConnectionError

    outcome = run(app)
    assert (outcome.kind, outcome.error) == (kind, instead)


def test_if_it_cannot_be_entered_the_handler_does_not_run() -> None:
    app = App("billing")

    @app.around
    @contextmanager
    def connect(event: ReceivedEvent) -> Iterator[None]:
        raise Pause(5, "no database")
        yield

    app.handler("orders")(lambda: said.append("run"))
    assert run(app).kind == "pause"
    assert said == []


def test_async_handlers_are_wrapped_too() -> None:
    app = App("billing")
    app.around(saying("a"))

    @app.handler("orders")
    async def charge() -> None:
        await asyncio.sleep(0)
        said.append("run")

    assert asyncio.run(handler(app).run_async([received(1)])).kind == "ack"
    assert said == ["a in 1", "run", "a out"]


def test_a_batch_is_wrapped_once() -> None:
    app = App("billing")
    app.around(saying("a"))
    app.handler("orders", batch=2)(lambda orders: said.append(str(orders)))
    assert run(app, received(1), received(2)).kind == "ack"
    assert said == ["a in 1", "[1, 2]", "a out"]


def test_what_is_no_function_cannot_be_around() -> None:
    with pytest.raises(ConfigurationError, match="expected a function that returns a context manager; got 'x'"):
        App("billing").around("x")  # type: ignore[type-var]


def test_an_included_app_is_part_of_the_one_that_includes_it() -> None:
    """Its handlers get the app's name, but where they have another; before and after."""
    app, part = App("billing"), App("part")
    app.around(saying("app"))
    part.around(saying("part"))
    part.handler("orders")(lambda: said.append("orders"))
    app.include(part)
    part.handler("invoices", subscriber="audit")(lambda: said.append("invoices"))
    billing, audit = app.consumers()
    assert (billing.subscriber, audit.subscriber) == ("billing", "audit")
    assert [consumer.subscriber for consumer in part.consumers()] == ["billing", "audit"]
    billing.handlers[0].run([received(1)])
    assert said == ["app in 1", "part in 1", "orders", "part out", "app out"]


def test_handlers_that_collide_are_found_when_an_app_is_included_and_later() -> None:
    app, part, third = App("billing"), App("part"), App("third")
    app.handler("orders")(lambda: None)
    part.handler("orders")(lambda: None)
    with pytest.raises(
        ConfigurationError, match="handles every type of the topic 'orders' for the subscriber 'billing'"
    ):
        app.include(part)
    assert len(app.consumers()[0].handlers) == 1
    app.include(third)
    with pytest.raises(ConfigurationError, match="already"):
        third.handler("orders")(lambda: None)


def test_an_app_has_one_place() -> None:
    app, part, other = App("billing"), App("part"), App("other")
    app.include(part)
    for including, included, says in [
        (app, part, "the app 'part' is part of 'billing' already"),
        (other, part, "is part of 'billing' already"),
        (app, app, "includes this one, or is this one"),
        (part, app, "includes this one, or is this one"),
        (app, "part", "expected an App; got 'part'"),
    ]:
        with pytest.raises(ConfigurationError, match=says):
            including.include(included)  # type: ignore[arg-type]


def plain(name: str) -> Any:
    @contextmanager
    def lifespan() -> Iterator[None]:
        said.append(f"{name} in")
        yield
        said.append(f"{name} out")

    return lifespan


def asynchronous(name: str) -> Any:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        said.append(f"{name} in")
        yield
        said.append(f"{name} out")

    return lifespan


def test_lifespans_are_entered_in_order_and_left_in_reverse() -> None:
    """All of them plain."""
    lifespan = joined([plain("a"), plain("b")])
    assert lifespan is not None
    span = lifespan()
    assert isinstance(span, AbstractContextManager)
    with span:
        said.append("run")
    assert said == ["a in", "b in", "run", "b out", "a out"]


def test_with_an_asynchronous_one_all_are_entered_in_the_loop() -> None:
    async def main() -> None:
        lifespan = joined([plain("a"), asynchronous("b")])
        assert lifespan is not None
        span = lifespan()
        assert not isinstance(span, AbstractContextManager)
        async with span:
            said.append("run")

    asyncio.run(main())
    assert said == ["a in", "b in", "run", "b out", "a out"]


def test_one_lifespan_is_itself_and_none_is_none() -> None:
    one = plain("a")
    assert joined([one]) is one
    assert joined([]) is None


def test_an_app_without_handlers_has_nothing_to_run() -> None:
    with pytest.raises(ConfigurationError, match=r"App\('billing'\) has no handlers: declare one with @app.handler"):
        App("billing").run()


def test_an_app_cannot_be_pickled() -> None:
    with pytest.raises(InvalidArgument, match=r"App\('billing'\) cannot be pickled"):
        pickle.dumps(App("billing"))


def test_what_is_around_an_async_function_may_be_asynchronous() -> None:
    """A plain function does not take that, and what is both is entered as the function is."""

    class Both:
        def __init__(self, _: ReceivedEvent) -> None: ...

        def __enter__(self) -> None:
            said.append("with")

        def __exit__(self, *_: object) -> None: ...

        async def __aenter__(self) -> None:
            said.append("async with")

        async def __aexit__(self, *_: object) -> None:
            said.append("async out")

    @asynccontextmanager
    async def asynchronous(event: ReceivedEvent) -> AsyncIterator[None]:
        said.append("in")
        yield
        said.append("out")

    app = App("billing")
    app.around(Both)
    app.around(saying("a"))

    mail = App("mail")
    mail.around(Both)
    mail.around(asynchronous)
    mail.around(saying("a"))

    @mail.handler("orders")
    async def read(letter: int) -> None:
        said.append("read")

    app.handler("orders")(lambda: said.append("run"))
    assert asyncio.run(handler(mail).run_async([received(1)])).kind == "ack"
    assert run(app, received(2)).kind == "ack"
    assert said == [
        *("async with", "in", "a in 1", "read", "a out", "out", "async out"),
        *("with", "a in 2", "run", "a out"),
    ]
    app.around(asynchronous)
    reason = run(app, received(3)).reason
    assert reason is not None
    assert reason.startswith("TypeError: around: expected a context manager for a plain handler; got ")
