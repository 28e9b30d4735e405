"""What the end of a handler means for its event: the rows of the table in docs/handlers.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from pubsubclient import App, InvalidArgument, Pause, Reject, Retry
from pubsubclient._worker.outcome import Outcome
from unit.app.received import handler, received, run


def fails(error: BaseException) -> Callable[[], NoReturn]:
    def function() -> NoReturn:
        raise error

    return function


def fails_async(error: BaseException) -> Callable[[], Coroutine[Any, Any, NoReturn]]:
    async def function() -> NoReturn:
        await asyncio.sleep(0)
        raise error

    return function


def outcome_of(function: Callable[..., Any]) -> Outcome:
    app = App("billing")
    app.handler("orders")(function)
    one = handler(app)
    return asyncio.run(one.run_async([received()])) if one.is_async else one.run([received()])


ROWS = [
    (Retry("no stock", delay=30), "retry", "no stock", 30.0),
    (Retry("no stock", delay=timedelta(minutes=1)), "retry", "no stock", 60.0),
    (Retry("no stock", delay=0), "retry", "no stock", 0.0),
    (Retry(), "retry", None, None),
    (Reject("nothing to charge"), "reject", "nothing to charge", None),
    (Pause(5, "the bank is down"), "pause", "the bank is down", 5.0),
    (Pause(timedelta(seconds=0.5)), "pause", None, 0.5),
    (ValueError("no such item"), "retry", "ValueError: no such item", None),
    (SystemExit(3), "retry", "SystemExit: 3", None),
    (RecursionError("too deep"), "retry", "RecursionError: too deep", None),
    (BaseException("odd"), "retry", "BaseException: odd", None),
    (ValueError("x" * 500), "retry", "ValueError: " + "x" * 188, None),
    (ValueError("\ud800"), "retry", "ValueError: \ufffd", None),
]


@pytest.mark.parametrize("how", [fails, fails_async])
@pytest.mark.parametrize(("error", "kind", "reason", "delay_s"), ROWS, ids=lambda value: str(value)[:30])
def test_what_a_handler_raises_decides(how: Any, error: BaseException, kind: str, reason: str, delay_s: float) -> None:
    """Of plain functions and of async ones."""
    outcome = outcome_of(how(error))
    assert (outcome.kind, outcome.reason, outcome.delay_s) == (kind, reason, delay_s)
    assert outcome.error is error
    assert not outcome.fatal


@pytest.mark.parametrize("how", [fails, fails_async])
def test_without_memory_the_process_is_to_end(how: Any) -> None:
    """The event has failed."""
    outcome = outcome_of(how(MemoryError("no room")))
    assert (outcome.kind, outcome.reason, outcome.fatal) == ("retry", "MemoryError: no room", True)


def test_a_handler_that_returns_has_done_its_work() -> None:
    """Whatever it returns."""

    async def later() -> int:
        return 7

    for function in (lambda: None, lambda: 7, later):
        assert outcome_of(function) == Outcome("ack")


def test_an_interrupt_is_not_the_handlers() -> None:
    """The worker's main thread ends by it."""
    with pytest.raises(KeyboardInterrupt):
        outcome_of(fails(KeyboardInterrupt()))


def test_a_cancelled_run_stays_cancelled() -> None:
    """A worker cancels what takes too long, and decides about its event."""

    async def main() -> None:
        app = App("billing")

        @app.handler("orders")
        async def wait() -> None:
            await asyncio.Event().wait()

        running = asyncio.ensure_future(handler(app).run_async([received()]))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())


def test_an_error_that_cannot_be_shown_is_named() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert outcome_of(fails(Silent())).reason == "Silent"


def test_a_coroutine_that_nobody_awaits_is_an_error() -> None:
    """A plain function that returns one forgot async def, or await."""

    async def charge() -> None:
        pass

    outcome = outcome_of(lambda: charge())  # noqa: PLW0108 - a plain function
    assert outcome.kind == "retry"
    assert (
        outcome.reason
        == "TypeError: the function returned an awaitable: declare it with async def, so that it is awaited"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Retry(7), "reason: expected a string"),
        (lambda: Retry("x", delay=-1), "delay: expected 0 to 86400 seconds"),
        (lambda: Retry("x", delay=86_401), "delay: expected 0 to 86400 seconds"),
        (lambda: Reject(None), "reason: expected a string"),
        (lambda: Pause(0), "seconds: expected more than 0"),
        (lambda: Pause("x"), "expected 0 to 86400 seconds"),
    ],
)
def test_a_wrong_argument_fails_where_it_is_raised(make: Callable[[], Exception], says: str) -> None:
    """And then as any other exception of the handler: the event comes again."""
    with pytest.raises(InvalidArgument, match=says):
        make()
    outcome = outcome_of(make)
    assert outcome.kind == "retry"
    assert str(outcome.reason).startswith("InvalidArgument: ")


def test_data_that_does_not_fit_is_rejected_with_the_path() -> None:
    app = App("billing")

    @app.handler("orders")
    def charge(order: dict[str, list[int]]) -> None:
        raise AssertionError(order)

    outcome = run(app, received({"numbers": [1, "2"]}))
    assert (outcome.kind, outcome.reason) == ("reject", "$[...][1]: expected int, got str")
    assert isinstance(outcome.error, Reject)
