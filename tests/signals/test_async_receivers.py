"""Whatever gives coroutines is an async receiver, however it shows."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from typing import Any as Untyped
from unittest import mock

import pytest

from pubsubclient.dispatcher import AsyncReceiverError, Signal, asend, connect, explain, send, sendRobust
from pubsubclient.signals._engine.signature import shape_of
from signals.callables import AsyncCalled, Owner, plain, told

#: A send runs other code the first times than later.
SENDS = 5


async def gives(x: int = 1) -> object:
    await asyncio.sleep(0)
    return "given", x


def marked(function: Untyped) -> Untyped:
    """As asgiref and Django mark what gives coroutines, before Python 3.12."""
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    return function


class Async:
    async def method(self, x: int = 1) -> object:
        return await gives(x)

    async def __call__(self, x: int = 1) -> object:
        return await gives(x)

    @staticmethod
    async def static(x: int = 1) -> object:
        return await gives(x)

    @classmethod
    async def of_class(cls, x: int = 1) -> object:
        return await gives(x)

    partial = functools.partialmethod(method)


class AsyncStatic:
    @staticmethod
    async def __call__(x: int = 1) -> object:
        return await gives(x)


class Unmarked:
    def __call__(self, x: int = 1) -> object:
        return gives(x)


def async_receivers() -> dict[str, Untyped]:
    value = ("given", 1)
    receivers = {
        "function": gives,
        "method": Async().method,
        "static method": Async().static,
        "class method": Async().of_class,
        "instance": Async(),
        "instance, static": AsyncStatic(),
        "partial": functools.partial(gives),
        "partial of a partial": functools.partial(functools.partial(gives), x=1),
        "partial of an instance": functools.partial(Async()),
        "partial method": Async().partial,
        "partial method of the class": functools.partial(Async.partial, Async()),
        "mock": mock.AsyncMock(return_value=value),
        "mock with a spec": mock.AsyncMock(spec=gives, return_value=value),
        "mock with the spec of an async function": mock.Mock(spec=gives, return_value=value),
        "autospec": mock.create_autospec(gives, return_value=value),
        "autospec's method": mock.create_autospec(Async, instance=True).method,
        "partial of a mock": functools.partial(mock.AsyncMock(return_value=value)),
        "marked function": marked(lambda x=1: gives(x)),
        "marked instance": marked(Unmarked()),
        "marked and described": told(marked(lambda **kw: gives()), inspect.signature(plain)),
        "generator": types.coroutine(lambda: (yield from asyncio.sleep(0).__await__()) or value),
    }
    receivers["autospec's method"].return_value = value
    if hasattr(inspect, "markcoroutinefunction"):
        receivers["marked by inspect"] = inspect.markcoroutinefunction(lambda x=1: gives(x))
        receivers["instance marked by inspect"] = inspect.markcoroutinefunction(Unmarked())
    return receivers


@pytest.mark.parametrize("kind", async_receivers())
def test_whatever_gives_coroutines_is_refused_by_send_and_awaited_by_asend(kind: str) -> None:
    receiver = async_receivers()[kind]
    with connect(receiver, "s", weak=False):
        for _ in range(SENDS):
            with pytest.raises(AsyncReceiverError):
                send("s")
            assert isinstance(sendRobust("s")[0][1], AsyncReceiverError)
            ((_, response),) = asyncio.run(asend("s"))
            assert response == ("given", 1)
        assert explain("s")[0].is_async


@pytest.mark.parametrize(
    "receiver",
    [
        plain,
        Owner().method,
        AsyncCalled,
        mock.Mock(),
        mock.MagicMock(spec=plain),
        mock.create_autospec(Owner).method,
        Signal,
    ],
)
def test_what_gives_no_coroutine_is_not_taken_for_async(receiver: Untyped) -> None:
    assert not shape_of(receiver).is_async


def test_an_awaitable_that_a_plain_receiver_returns_is_the_response_of_send_and_awaited_by_asend() -> None:
    """Nothing shows beforehand that it will. Python itself warns of a coroutine that nobody awaits."""

    def receive(x: int) -> object:
        return gives(x)

    connect(receive, "s")
    for x in range(SENDS):
        ((_, response),) = send("s", x=x)
        assert inspect.isawaitable(response)
        assert asyncio.run(awaited(response)) == ("given", x)
        assert asyncio.run(asend("s", x=x))[0][1] == ("given", x)


async def awaited(awaitable: Untyped) -> object:
    return await awaitable
