"""Nothing is kept alive that the user has not asked to be, and what dies is gone from the tables."""

from __future__ import annotations

import functools
import gc
import types
import weakref
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import Any, Signal, connect, disconnect, send, sendExact, sendRobust
from pubsubclient.signals._engine import compiler
from pubsubclient.signals._engine import send as delivery
from pubsubclient.signals._engine.send import REGISTRY
from signals.clean import assert_clean


class Owner:
    """A sender, and the owner of a method."""

    def method(self, a: int = 0) -> int:
        return a

    def __call__(self) -> str:
        return "called"


def function() -> Untyped:
    def receive(a: int = 0) -> int:
        return a

    return receive


def warm(signal: object = "s", sender: object = None) -> None:
    """Send until everything is cached that ever will be."""
    for _ in range(5):
        send(signal, sender, a=1)
        sendExact(signal, sender, a=1)


@pytest.mark.parametrize("make", [function, Owner, lambda: functools.partial(Owner(), 1)])
def test_a_receiver_dies_at_once_when_it_is_dropped(make: Untyped) -> None:
    receiver = make()
    connection = connect(receiver, "s")
    if not isinstance(receiver, functools.partial):
        warm()
    gone = weakref.ref(receiver)
    gc.disable()
    try:
        del receiver
        assert gone() is None
        assert not connection.connected
        assert send("s") == []
        assert_clean()
    finally:
        gc.enable()


def test_a_method_goes_with_its_instance_or_its_function() -> None:
    owner = Owner()
    connect(owner.method, "s")
    warm()
    gone = weakref.ref(owner)
    del owner
    assert gone() is None
    assert_clean()

    owner, added = Owner(), function()
    owner.extra = types.MethodType(added, owner)  # type: ignore[attr-defined]
    other = Owner()
    bound = types.MethodType(added, other)
    connect(bound, "s")
    warm()
    del bound, added, owner.extra  # type: ignore[attr-defined]
    assert send("s") == []
    assert_clean()


def test_a_receiver_in_a_cycle_goes_with_the_collector() -> None:
    owner = Owner()
    owner.me = owner  # type: ignore[attr-defined]
    connect(owner.method, "s")
    warm()
    del owner
    assert [response for _, response in send("s", a=1)] == [1]
    gc.collect()
    assert send("s") == []
    assert_clean()


def test_a_strong_receiver_lives_until_it_is_disconnected() -> None:
    receiver = function()
    gone = weakref.ref(receiver)
    connection = connect(receiver, "s", weak=False)
    warm()
    del receiver
    assert [response for _, response in send("s", a=2)] == [2]
    connection.disconnect()
    assert gone() is None


def test_a_disconnected_receiver_is_kept_by_nothing() -> None:
    receiver = function()
    sender = Owner()
    connections = [connect(receiver, "s", sender), connect(receiver, Any, sender), connect(receiver)]
    warm("s", sender)
    for connection in connections:
        connection.disconnect()
    gone = weakref.ref(receiver), weakref.ref(sender)
    del receiver, sender
    assert [reference() for reference in gone] == [None, None]


def test_a_sender_takes_its_connections_along() -> None:
    sender, receiver = Owner(), function()
    connection = connect(receiver, "s", sender)
    connect(receiver, Any, sender)
    warm("s", sender)
    gone = weakref.ref(sender)
    gc.disable()
    try:
        del sender
        assert gone() is None
        assert not connection.connected
        assert connection.sender is None
        assert_clean()
    finally:
        gc.enable()


class Small:
    """A sender whose memory is soon used again."""

    __slots__ = ("__weakref__",)


def test_a_reused_id_is_a_stranger() -> None:
    receiver, met = function(), 0
    for _ in range(50):
        sender = Small()
        connect(receiver, "s", sender)
        warm("s", sender)
        lost = id(sender)
        del sender
        strangers = [Small() for _ in range(200)]
        for stranger in strangers:
            assert send("s", stranger, a=1) == []
            if id(stranger) == lost:
                met += 1
                with connect(receiver, "s", stranger):
                    assert [response for _, response in send("s", stranger, a=3)] == [3]
        del stranger, strangers
    if not met:
        pytest.skip("this interpreter does not use an id again")


def test_a_sender_that_cannot_be_weakly_referenced_lives_as_long_as_its_connections() -> None:
    class Loud(dict):  # type: ignore[type-arg]
        __slots__ = ()
        died: list[int] = []  # noqa: RUF012

        def __del__(self) -> None:
            self.died.append(1)

    receiver, sender = function(), Loud()
    connect(receiver, "s", sender)
    warm("s", sender)
    del sender
    assert not Loud.died
    del receiver
    assert Loud.died
    assert_clean()


def test_sending_keeps_neither_sender_nor_signal_nor_arguments() -> None:
    class Value:
        """Anything."""

    receiver = function()
    with connect(receiver), connect(receiver, "s"):
        value, sender, signal = Value(), Value(), Value()
        for _ in range(5):
            send(signal, sender, a=value)
            send("s", sender, a=value)
        gone = [weakref.ref(each) for each in (value, sender, signal)]
        del value, sender, signal
        assert [reference() for reference in gone] == [None] * 3


def test_a_response_that_is_an_error_keeps_no_receiver_alive() -> None:
    def fails() -> None:
        raise ValueError

    owner = Owner()
    connect(owner.method, "s")
    connect(fails, "s")
    gc.disable()
    try:
        for _ in range(5):
            error = sendRobust("s")[1][1]
        assert error.__traceback__.tb_next.tb_frame.f_code is fails.__code__
        gone = weakref.ref(owner)
        del owner
        assert gone() is None
    finally:
        gc.enable()


def test_a_signal_object_goes_when_nobody_is_connected_to_it() -> None:
    signal: Signal[..., Untyped] = Signal()
    receiver = function()
    with signal.connect(receiver):
        for _ in range(5):
            signal.send()
    for _ in range(5):
        signal.send()
    gone = weakref.ref(signal)
    del signal
    assert gone() is None


def test_caches_are_bounded_under_churn() -> None:
    receiver = function()
    with connect(receiver), connect(receiver, "s"):
        for number in range(5000):
            send(f"signal {number}", a=1)
            send("s", **{f"name{number}": 1})
            send("s", None, *range(number % 2), **{"a": 1} if number % 2 == 0 else {})
        assert len(delivery._hot) <= delivery._MAX_HOT
        assert len(REGISTRY.any.routes) <= 1024
        for number in range(700):
            made: dict[str, Untyped] = {}
            exec(f"def receive(name{number}): return 1", made)
            with connect(made["receive"], "s"):
                for _ in range(4):
                    send("s", **{f"name{number}": 1})
        assert len(compiler._cache) <= compiler._MAX_CACHED


def test_a_receiver_whose_finalizer_connects_and_disconnects_cannot_hang() -> None:
    others = [function() for _ in range(3)]

    class Finalized:
        def __call__(self) -> None: ...

        def __del__(self) -> None:
            connect(others[0], "s")
            disconnect(others[1], "s")
            send("s", a=1)

    for trial in range(20):
        connect(others[1], "s")
        receiver = Finalized()
        if trial % 2:
            receiver.me = receiver  # type: ignore[attr-defined]
        connect(receiver, "s", weak=trial % 4 < 2).disconnect()
        connect(receiver, "s")
        del receiver
        gc.collect()
        assert [receiver for receiver, _ in send("s", a=1)] == [others[0]]
        disconnect(others[0], "s")
