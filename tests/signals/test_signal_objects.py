"""Signal objects, the options of connect, async sends, muting and capturing."""

from __future__ import annotations

import asyncio
import functools
from typing import Any as Untyped

import pytest

from pubsubclient import dispatcher
from pubsubclient.dispatcher import Any, AsyncReceiverError, DispatcherKeyError, Signal, connect, receiver, send


@Signal
def paid(order: str, amount: int = 0) -> object:
    """An order has been paid for."""


class Sender:
    """Whoever sends."""


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


def returns(value: object) -> Untyped:
    return lambda: value


def test_a_signal_object_has_the_name_and_docstring_of_its_prototype() -> None:
    assert paid.__name__ == "paid"
    assert paid.__doc__ == "An order has been paid for."
    assert repr(paid) == "<Signal paid>"
    assert repr(Signal(name="resized")) == "<Signal resized>"


@pytest.mark.parametrize("name", ["signal", "sender"])
def test_a_prototype_cannot_have_what_every_receiver_can_take(name: str) -> None:
    made: dict[str, Untyped] = {}
    exec(f"def prototype(a, *, {name}): ...", made)
    with pytest.raises(TypeError, match=name):
        Signal(made["prototype"])


def test_a_signal_object_is_sent_in_all_ways() -> None:
    def receive(order: str, sender: object) -> object:
        if order == "bad":
            raise ValueError
        return order, sender

    sender = Sender()
    connection = paid.connect(receive)
    for _ in range(5):
        assert names(paid.send(sender, order="a", amount=1)) == [("a", sender)]
        assert names(paid.send(order="a")) == [("a", dispatcher.Anonymous)]
        assert names(paid.send_robust(sender, order="a")) == [("a", sender)]
        assert isinstance(paid.send_robust(sender, order="bad")[0][1], ValueError)
        assert names(asyncio.run(paid.asend(sender, order="a"))) == [("a", sender)]
        assert isinstance(asyncio.run(paid.asend_robust(sender, order="bad"))[0][1], ValueError)
        assert paid.emit(order="a") is None  # type: ignore[func-returns-value]
    assert paid.has_receivers()
    connection.disconnect()
    assert not paid.has_receivers()
    assert paid.send(sender, order="a") == []


def test_the_sender_of_an_untyped_signal_may_be_given_by_name() -> None:
    signal: Signal[..., object] = Signal()
    sender = Sender()

    def receive(sender: object) -> object:
        return sender

    with signal.connect(receive):
        for _ in range(5):
            assert names(signal.send(sender=sender)) == [sender]


def test_has_receivers_asks_for_the_sender() -> None:
    sender, listener = Sender(), returns(1)
    paid.connect(listener, sender)
    assert paid.has_receivers(sender)
    assert not paid.has_receivers()
    paid.disconnect(listener, sender)
    with pytest.raises(DispatcherKeyError):
        paid.disconnect(listener, sender)


def test_signal_objects_and_the_functions_share_their_connections() -> None:
    everything, one = returns("everything"), returns("one")
    connect(everything)
    connect(one, paid)
    assert names(paid.send(order="a")) == ["one", "everything"]
    assert names(send(paid, order="a")) == ["one", "everything"]


@pytest.mark.parametrize(
    "name", ["self", "signal_", "args", "named", "plan", "once", "priority", "weak", "dispatch_uid"]
)
def test_no_name_is_reserved_but_signal_and_sender(name: str) -> None:
    signal: Signal[..., object] = Signal()

    def receive(**kw: object) -> object:
        return kw[name]

    with signal.connect(receive):
        for _ in range(5):
            assert names(signal.send(None, **{name: 1})) == [1]
            assert names(signal.send_robust(None, **{name: 1})) == [1]
            assert names(send(signal, None, **{name: 1})) == [1]
            assert signal.explain(None, **{name: 1})[0].passed == ("signal", "sender", name)
            signal.emit(**{name: 1})


def test_once_is_the_first_send_that_reaches_the_receiver() -> None:
    calls = []

    def receive() -> None:
        calls.append(1)
        send("s")

    connection = connect(receive, "s", once=True)
    send("other")
    send("s")
    send("s")
    assert calls == [1]
    assert not connection.connected
    kept = connect(returns(1), "s", once=True, weak=False)
    assert (names(send("s")), names(send("s"))) == ([1], [])
    assert not kept.connected


def test_priority_goes_before_the_order_of_connecting_and_of_routing() -> None:
    sender = Sender()
    a, b, c, d = (returns(name) for name in "abcd")
    connect(a, "s", sender)
    connect(b, "s")
    connect(c, priority=5)
    connect(d, "s", priority=-1)
    for _ in range(5):
        assert names(send("s", sender)) == ["c", "a", "b", "d"]


def test_a_dispatch_uid_stands_for_the_receiver() -> None:
    first, second = returns(1), returns(2)
    old = connect(first, "s", dispatch_uid="mine")
    connect(second, "s", dispatch_uid="mine")
    assert names(send("s")) == [2]
    assert not old.connected
    with pytest.raises(DispatcherKeyError, match="mine") as caught:
        dispatcher.disconnect(signal="other", dispatch_uid="mine")
    assert caught.value.receiver == "dispatch_uid 'mine'"
    with pytest.raises(DispatcherKeyError):
        dispatcher.disconnect(second, "s")
    dispatcher.disconnect(signal="s", dispatch_uid="mine")
    assert send("s") == []


def test_a_receiver_can_be_declared() -> None:
    sender = Sender()

    @receiver("s", sender=sender, priority=1)
    def one() -> int:
        return 1

    @receiver([paid, "s", ("a", "tuple")])
    def many() -> int:
        return 2

    assert one() == 1
    assert names(send("s", sender)) == [1, 2]
    assert names(paid.send(order="")) == [2]
    assert names(send(("a", "tuple"))) == [2]


def make_async(value: object) -> Untyped:
    async def receive() -> object:
        await asyncio.sleep(0)
        return value

    return receive


def test_async_sends_await_in_order_and_call_what_is_not_async() -> None:
    class Instance:
        async def __call__(self) -> int:
            return 4

        async def method(self) -> int:
            return 5

    instance = Instance()
    partial = functools.partial(make_async(6))

    def awaitable() -> object:
        return make_async(7)()

    kept = [make_async(1), returns(2), make_async(3), instance, instance.method, partial, awaitable]
    for each in kept:
        connect(each, "s")
    for _ in range(5):
        assert names(asyncio.run(dispatcher.asend("s"))) == [1, 2, 3, 4, 5, 6, 7]
        assert names(asyncio.run(dispatcher.asend_robust("s"))) == [1, 2, 3, 4, 5, 6, 7]


def test_an_async_receiver_met_by_a_sync_send_is_an_error_before_anybody_is_called() -> None:
    calls: list[int] = []
    first, second = (lambda: calls.append(1)), make_async(2)
    connect(first, "s")
    connect(second, "s")
    for _ in range(5):
        with pytest.raises(AsyncReceiverError, match=rf"{__file__}.*asend"):
            send("s")
    assert calls == []
    (_, response), (_, error) = dispatcher.sendRobust("s")
    assert response is None
    assert isinstance(error, AsyncReceiverError)


def test_an_error_of_an_async_receiver_names_it() -> None:
    async def fails() -> None:
        raise ValueError

    connect(fails, "s")
    with pytest.raises(ValueError) as caught:
        asyncio.run(dispatcher.asend("s"))
    assert "fails" in caught.value.__notes__[0]  # type: ignore[attr-defined]
    assert isinstance(asyncio.run(dispatcher.asend_robust("s"))[0][1], ValueError)


def test_a_muted_signal_reaches_nobody() -> None:
    listener = returns(1)
    with paid.connect(listener):
        assert names(paid.send(order="")) == [1]
        with paid.muted():
            assert paid.send(order="") == []
            assert send(paid, order="") == []
            assert asyncio.run(paid.asend(order="")) == []
            with paid.muted():
                pass
            assert paid.send_robust(order="") == []
        for _ in range(5):
            assert names(paid.send(order="")) == [1]


def test_sends_can_be_captured_with_or_without_being_delivered() -> None:
    listener, sender = returns(1), Sender()
    with paid.connect(listener):
        for _ in range(5):
            paid.send(sender, order="before")
        with paid.captured() as captured:
            assert names(paid.send(sender, order="a")) == [1]
            with paid.muted():
                assert paid.send(None, "b") == []
        paid.send(sender, order="after")
    assert [(each.sender, each.arguments, each.named) for each in captured] == [
        (sender, (), {"order": "a"}),
        (None, ("b",), {}),
    ]


def test_explain_tells_who_would_get_what() -> None:
    def some(sender: object, order: str, missing: int, *, also: int) -> None: ...

    async def all_of_it(**kw: object) -> None: ...

    sender = Sender()
    paid.connect(some, sender, weak=False, once=True, priority=2)
    connect(all_of_it, Any, sender)
    first, second = paid.explain(sender, order="a", amount=2)
    assert first.receiver == f"{some.__qualname__} ({__file__}:{some.__code__.co_firstlineno})"
    assert (first.weak, first.once, first.priority, first.is_async, first.any_sender) == (False, True, 2, False, False)
    assert (first.passed, first.dropped, first.missing) == (("sender", "order"), ("amount",), ("missing", "also"))
    assert second.is_async
    assert second.weak
    assert second.signal is Any
    assert second.passed == ("signal", "sender", "order", "amount")
    text = str(paid.explain(sender, order="a", amount=2))
    assert "strong, once, priority 2" in text
    assert "dropped: amount" in text
    assert "MISSING: missing, also" in text
    assert str(dispatcher.explain("nothing")) == "no receiver would be called"
    assert paid.explain(sender, "a", 2, also=1)[0].missing == ("missing",)
