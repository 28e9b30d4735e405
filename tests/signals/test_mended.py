"""What PyDispatcher does otherwise, and is decided here on purpose."""

from __future__ import annotations

import types
import weakref
from typing import Any as Untyped

import pytest

from pubsubclient import dispatcher
from pubsubclient.dispatcher import (
    Any,
    DispatcherError,
    DispatcherKeyError,
    DispatcherTypeError,
    connect,
    disconnect,
    getAllReceivers,
    liveReceivers,
    send,
)


class Plain:
    """An object that can be weakly referenced."""


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


def test_a_receiver_that_disconnects_itself_makes_no_other_be_skipped() -> None:
    calls = []

    def once() -> None:
        calls.append("once")
        disconnect(once, "s")

    def next_one() -> None:
        calls.append("next")

    connect(once, "s")
    connect(next_one, "s")
    send("s")
    assert calls == ["once", "next"]
    send("s")
    assert calls == ["once", "next", "next"]


def test_a_receiver_connected_during_a_send_is_called_from_the_next_one_on() -> None:
    def late() -> str:
        return "late"

    def connects() -> str:
        connect(late, "s")
        return "connects"

    connect(connects, "s")
    assert names(send("s")) == ["connects"]
    assert names(send("s")) == ["connects", "late"]
    assert names(send("s")) == ["connects", "late"]
    send("other")


def test_a_receiver_disconnected_during_a_send_is_still_called_by_it() -> None:
    def victim() -> str:
        return "victim"

    def disconnects() -> str:
        dispatcher.disconnect(victim, "s")
        return "disconnects"

    connect(disconnects, "s")
    connect(victim, "s")
    assert names(send("s")) == ["disconnects", "victim"]
    assert list(liveReceivers(getAllReceivers(Any, "s"))) == [disconnects]


def test_receivers_can_be_disconnected_while_they_are_listed() -> None:
    def make(number: int) -> Untyped:
        return lambda: number

    kept = [make(number) for number in range(5)]
    for each in kept:
        connect(each, "s")
    for receiver in liveReceivers(getAllReceivers(Any, "s")):
        disconnect(receiver, "s")
    assert send("s") == []


def test_a_local_variable_is_no_parameter() -> None:
    def receive(a: int) -> int:
        b = a + 1
        return b  # noqa: RET504 - the point is the local variable

    connect(receive, "s")
    assert names(send("s", a=1, b=5)) == [2]


def test_disconnecting_what_is_not_connected_is_an_error_beside_other_connections_too() -> None:
    def connected() -> None: ...

    def stranger() -> None: ...

    connect(connected, "s")
    with pytest.raises(DispatcherKeyError) as caught:
        disconnect(stranger, "s")
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, DispatcherError)
    assert caught.value.signal == "s"
    assert "stranger" in str(caught.value.receiver)
    assert str(caught.value).startswith("no connection of ")
    disconnect(connected, "s")
    with pytest.raises(DispatcherKeyError):
        disconnect(connected, "s")


class Unhashable:
    """A sender that compares equal to everything, and cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


class Untouchable:
    """A sender that must not be compared, nor asked for its truth."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    def __hash__(self) -> int:
        raise AssertionError

    def __bool__(self) -> bool:
        raise AssertionError


@pytest.mark.parametrize("kind", [Unhashable, Untouchable, dict, list, object])
def test_a_sender_is_known_by_identity(kind: type) -> None:
    def receive() -> int:
        return 1

    sender, twin = kind(), kind()
    connect(receive, "s", sender)
    for _ in range(5):
        assert names(send("s", sender)) == [1]
        assert send("s", twin) == []
    disconnect(receive, "s", sender)


def test_receivers_are_known_by_identity_and_need_no_hash() -> None:
    class Equal:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        def __bool__(self) -> bool:
            raise AssertionError

        def __call__(self) -> int:
            return 1

        def method(self) -> int:
            return 2

    a, b = Equal(), Equal()
    for each in (a, b, a.method, b.method):
        connect(each, "s")
    for _ in range(5):
        assert names(send("s")) == [1, 1, 2, 2]
    disconnect(b, "s")
    disconnect(a.method, "s")
    assert [receiver is a for receiver, _ in send("s")] == [True, False]


def test_a_receiver_has_one_connection_weak_or_not() -> None:
    def receive() -> int:
        return 1

    first = connect(receive, "s")
    second = connect(receive, "s", weak=False)
    assert (first.connected, second.connected) == (False, True)
    assert names(send("s")) == [1]
    disconnect(receive, "s")  # PyDispatcher does nothing here, because the flag says weak
    assert send("s") == []


def test_connect_returns_the_connection() -> None:
    def receive() -> int:
        return 1

    sender = Plain()
    with connect(receive, "s", sender) as connection:
        assert names(send("s", sender)) == [1]
        assert connection.connected
        assert connection.receiver is receive
        assert connection.signal == "s"
        assert connection.sender is sender
        assert connection.weak
        assert "receive" in repr(connection)
    assert not connection.connected
    assert connection.receiver is None
    assert "dead or disconnected" in repr(connection)
    connection.disconnect()
    assert send("s", sender) == []


def test_a_weak_reference_stands_for_what_it_refers_to() -> None:
    class Owner:
        def method(self) -> int:
            return 1

    owner = Owner()
    references = [weakref.WeakMethod(owner.method), dispatcher.safeRef(owner.method)]
    for reference in references:
        connect(reference, "s", weak=False)
        assert names(send("s")) == [1]
        disconnect(reference, "s")
    connect(references[0], "s", weak=False)
    del owner
    assert send("s") == []
    with pytest.raises(DispatcherTypeError, match="dead"):
        connect(references[0], "s")
    with pytest.raises(DispatcherKeyError):
        disconnect(references[0], "s")


@pytest.mark.parametrize("signal", [None, [], {}])
def test_what_is_no_signal_is_refused(signal: Untyped) -> None:
    for function in (connect, disconnect):
        with pytest.raises(DispatcherTypeError) as caught:
            function(print, signal)
        assert isinstance(caught.value, TypeError)


def test_what_is_not_callable_is_refused() -> None:
    with pytest.raises(DispatcherTypeError, match="not callable"):
        connect(5, "s")  # type: ignore[arg-type]


def test_what_cannot_be_weakly_referenced_is_refused_with_advice() -> None:
    class Slotted:
        __slots__ = ()

        def method(self) -> int:
            return 1

    for receiver in ([].append, Slotted().method):
        with pytest.raises(DispatcherTypeError, match="weak=False"):
            connect(receiver, "s")
        connect(receiver, "s", weak=False).disconnect()


def test_a_signal_is_known_by_equality() -> None:
    def receive() -> int:
        return 1

    connect(receive, (1, "a"))
    assert names(send((1.0, "a"))) == [1]


def test_a_receiver_in_two_classes_is_two_methods() -> None:
    def shared(self: object) -> str:
        return type(self).__name__

    a = type("A", (), {"m": shared})()
    b = type("B", (), {"m": shared})()
    connect(a.m, "s")
    connect(b.m, "s")
    for _ in range(5):
        assert names(send("s")) == ["A", "B"]
    disconnect(types.MethodType(shared, a), "s")
    assert names(send("s")) == ["B"]
