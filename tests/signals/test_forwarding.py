"""Signals connected to signals: what one is sent, the other is sent, too."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import (
    Anonymous,
    AsyncReceiverError,
    DispatcherTypeError,
    Signal,
    asend,
    asend_robust,
    connect,
    explain,
    robustApply,
    send,
    sendRobust,
)

#: A send runs other code the first times than later.
SENDS = 5

first: Signal[..., object] = Signal(name="first")
second: Signal[..., object] = Signal(name="second")


class Sender:
    """Whoever sends."""


def heard(*arguments: object, signal: object, sender: object, **named: object) -> object:
    return arguments, signal, sender, named


def forwarded(responses: list[tuple[Untyped, Untyped]]) -> Untyped:
    """What the receiver of the second signal returned, out of the responses to the first."""
    ((_, inner),) = responses
    ((_, response),) = inner
    return response


@pytest.mark.parametrize("way", ["emit", "itself"])
def test_emit_sends_on_from_no_sender_in_particular(way: str) -> None:
    got: list[object] = []
    listener = functools.partial(lambda *a, **kw: got.append(heard(*a, **kw)))
    second.connect(listener)
    forward = second if way == "itself" else second.emit
    with first.connect(forward):
        for _ in range(SENDS):
            first.emit(x=1, y=2)
            first.emit(5, x=1)
            first.send(Sender(), 5)
            first.send_robust(Sender(), named=3, self=4)
            send(first, Sender(), arguments=7)
            asyncio.run(first.asend(None, z=1))
    assert got[:6] * SENDS == got
    assert got[:6] == [
        ((), second, Anonymous, {"x": 1, "y": 2}),
        ((5,), second, Anonymous, {"x": 1}),
        ((5,), second, Anonymous, {}),
        ((), second, Anonymous, {"named": 3, "self": 4}),
        ((), second, Anonymous, {"arguments": 7}),
        ((), second, Anonymous, {"z": 1}),
    ]
    first.emit(x=1)
    assert len(got) == 6 * SENDS


@pytest.mark.parametrize("way", ["send", "send_robust"])
def test_send_sends_on_from_the_same_sender(way: str) -> None:
    sender = Sender()
    second.connect(heard)
    forward = getattr(second, way)
    first.connect(forward)
    for _ in range(SENDS):
        assert forwarded(first.send(sender, x=1)) == ((), second, sender, {"x": 1})
        assert forwarded(first.send(sender, 5, 6, x=1)) == ((5, 6), second, sender, {"x": 1})
        assert forwarded(first.send(None, 5)) == ((5,), second, None, {})
        assert forwarded(first.send()) == ((), second, Anonymous, {})
        assert forwarded(sendRobust(first, sender, self=1, named=2)) == ((), second, sender, {"self": 1, "named": 2})
        assert forwarded(asyncio.run(asend(first, sender, x=1))) == ((), second, sender, {"x": 1})
    ((receiver, _),) = first.send(sender, x=1)
    assert receiver == forward


def test_other_receivers_beside_get_what_they_take() -> None:
    def beside(x: int) -> object:
        return x

    second.connect(heard)
    for receiver in (beside, second.send, beside, functools.partial(second.send, "shop")):
        first.connect(receiver, weak=False, dispatch_uid=object())
    for _ in range(SENDS):
        plain, inner, _, by_shop = [response for _, response in first.send("me", x=1, y=2)]
        assert plain == 1
        assert inner[0][1] == ((), second, "me", {"x": 1, "y": 2})
        assert by_shop[0][1] == ((), second, "shop", {"x": 1, "y": 2})


def test_async_ways_to_send_are_async_receivers() -> None:
    async def listener(x: int, sender: object) -> object:
        return x, sender

    second.connect(listener)
    for forward in (second.asend, second.asend_robust):
        with first.connect(forward):
            for _ in range(SENDS):
                with pytest.raises(AsyncReceiverError):
                    first.send(x=1)
                assert forwarded(asyncio.run(first.asend("me", x=1))) == (1, "me")
                assert forwarded(asyncio.run(asend_robust(first, "me", x=1))) == (1, "me")


def test_any_signal_of_a_sender_may_be_sent_on() -> None:
    got: list[object] = []
    listener = functools.partial(lambda **kw: got.append(heard(**kw)))
    second.connect(listener)
    sender = Sender()
    with connect(second.emit, sender=sender):
        for _ in range(SENDS):
            send("s", sender, x=1)
            assert send("s", Sender(), x=1) == []
    assert got == [((), second, Anonymous, {"x": 1})] * SENDS


def test_partials_of_ways_to_send_send_on() -> None:
    second.connect(heard)
    by_shop, adding = functools.partial(second.send, "shop"), functools.partial(second.send, z=9)
    with first.connect(by_shop):
        for _ in range(SENDS):
            assert forwarded(first.send("me", 5, x=1)) == ((5,), second, "shop", {"x": 1})
    with first.connect(adding):
        for _ in range(SENDS):
            assert forwarded(first.send("me", 5, x=1)) == ((5,), second, "me", {"x": 1, "z": 9})


def test_robust_apply_and_explain_know_them() -> None:
    second.connect(heard)
    assert robustApply(second.send, 5, signal="s", sender="me", x=1)[0][1] == ((5,), second, "me", {"x": 1})
    assert robustApply(second.send, "me", x=1)[0][1] == ((), second, "me", {"x": 1})
    assert robustApply(second.emit, 5, signal="s", sender="me", x=1) is None
    first.connect(second.send)
    first.connect(second)
    assert [delivery.passed for delivery in explain(first, None, x=1)] == [("sender", "x"), ("x",)]


def test_a_signal_that_is_connected_to_lives_no_longer_for_it() -> None:
    local: Signal[..., object] = Signal(name="local")
    local.connect(heard)
    first.connect(local)
    first.connect(local.send)
    first.send(x=1)
    local.disconnect(heard)
    del local
    gc.collect()
    assert first.send(x=1) == []


def test_connect_says_that_the_receiver_comes_first() -> None:
    """A signal can be called, so the wrong order is not refused by itself."""
    with pytest.raises(DispatcherTypeError, match=r"expected the receiver first.*<Signal first>.*heard \("):
        connect(first, heard)


@Signal
def paid(order_id: str, amount: int = 3) -> bool:
    """An order has been paid for."""
    return True


def test_a_signal_shows_the_signature_of_its_prototype_and_calling_it_is_emit() -> None:
    assert str(inspect.signature(paid)) == "(order_id: 'str', amount: 'int' = 3) -> 'bool'"
    assert list(inspect.signature(first).parameters) == ["args", "named"]
    got = []

    def listener(order_id: str, sender: object) -> bool:
        got.append((order_id, sender))
        return True

    with paid.connect(listener):
        assert paid("A7", amount=1) is None  # type: ignore[func-returns-value]
    assert got == [("A7", Anonymous)]
