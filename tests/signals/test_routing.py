"""Who gets a signal, in which order, with which arguments."""

from __future__ import annotations

from typing import Any as Untyped

import pytest

from pubsubclient import dispatcher
from pubsubclient.dispatcher import Anonymous, Any, connect, disconnect, send, sendExact, sendRobust

#: A send runs other code the first times than later.
SENDS = 5


class Sender:
    """Whoever sends."""


def receiver(name: str) -> Untyped:
    """A receiver that returns its name."""

    def receive() -> str:
        return name

    return receive


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


def test_the_most_particular_connections_come_first() -> None:
    sender = Sender()
    made = [receiver(name) for name in ("any any", "any signal", "sender any", "sender signal")]
    for each, (whom, what) in zip(made, [(Any, Any), (Any, "s"), (sender, Any), (sender, "s")], strict=True):
        connect(each, what, whom)
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["sender signal", "sender any", "any signal", "any any"]
        assert names(send("t", sender)) == ["sender any", "any any"]
        assert names(send("s", Sender())) == ["any signal", "any any"]
        assert names(send("s")) == ["any signal", "any any"]
        assert names(send("s", Any)) == ["any signal", "any any"]
        assert names(send(Any, sender)) == ["sender any", "any any"]
        assert names(send()) == ["any any"]


def test_a_receiver_connected_in_several_places_is_called_once_in_the_first() -> None:
    sender = Sender()
    both, other = receiver("both"), receiver("other")
    connect(other, "s")
    connect(both, "s")
    connect(both, Any)
    connect(both, "s", sender)
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["both", "other"]
        assert names(send("s")) == ["other", "both"]


def test_receivers_are_called_in_the_order_of_connecting_and_connecting_again_moves_last() -> None:
    a, b, c = (receiver(name) for name in "abc")
    for each in (a, b, c, a):
        connect(each, "s")
    for _ in range(SENDS):
        assert names(send("s")) == ["b", "c", "a"]


def test_a_sender_connected_to_after_sends_is_heard_at_once() -> None:
    sender, stranger = Sender(), Sender()
    shared, own = receiver("shared"), receiver("own")
    connect(shared, "s")
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["shared"]
    connect(own, "s", sender)
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["own", "shared"]
        assert names(send("s", stranger)) == ["shared"]
    disconnect(own, "s", sender)
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["shared"]


def test_a_connection_to_any_signal_of_a_sender_is_heard_beside_cached_sends() -> None:
    sender = Sender()
    one, all_of_it = receiver("one"), receiver("all")
    connect(one, "s", sender)
    for _ in range(SENDS):
        send("s", sender)
    connect(all_of_it, Any, sender)
    assert names(send("s", sender)) == ["one", "all"]
    assert names(send("other", sender)) == ["all"]
    disconnect(all_of_it, Any, sender)
    assert names(send("s", sender)) == ["one"]


def test_a_connection_to_any_sender_is_heard_beside_cached_sends_of_connected_senders() -> None:
    sender = Sender()
    own, shared, everything = receiver("own"), receiver("shared"), receiver("everything")
    connect(own, "s", sender)
    for _ in range(SENDS):
        assert names(send("s", sender)) == ["own"]
    connect(shared, "s")
    for _ in range(SENDS):
        assert names(send("s", sender)) == names(sendRobust("s", sender)) == ["own", "shared"]
    connect(everything)
    for _ in range(SENDS):
        assert names(send("s", sender)) == names(sendRobust("s", sender)) == ["own", "shared", "everything"]
    disconnect(shared, "s")
    assert names(send("s", sender)) == names(sendRobust("s", sender)) == ["own", "everything"]


def test_anonymous_is_the_sender_of_a_send_without_one() -> None:
    only = receiver("anonymous")
    connect(only, "s", Anonymous)
    for _ in range(SENDS):
        assert names(send("s")) == ["anonymous"]
        assert names(send("s", Anonymous)) == ["anonymous"]
        assert send("s", Sender()) == []
        assert send("s", None) == []


def test_none_is_a_sender_like_any_other() -> None:
    for_none = receiver("none")
    connect(for_none, "s", None)
    assert names(send("s", None)) == ["none"]
    assert send("s") == []


def test_an_exact_send_reaches_only_what_is_connected_to_just_that() -> None:
    sender = Sender()
    kept = [receiver(name) for name in ("own", "any sender", "any signal", "anything")]
    for each, (what, whom) in zip(kept, [("s", sender), ("s", Any), (Any, sender), (Any, Any)], strict=True):
        connect(each, what, whom)
    for _ in range(SENDS):
        assert names(sendExact("s", sender)) == ["own"]
        assert names(sendExact("s", Any)) == ["any sender"]
        assert names(sendExact(Any, sender)) == ["any signal"]
        assert names(sendExact()) == []
        assert names(sendExact("s", Sender())) == []
        assert names(send("s", sender)) == ["own", "any signal", "any sender", "anything"]


def test_the_result_names_the_receivers() -> None:
    class Owner:
        def method(self) -> int:
            return 1

    owner = Owner()
    connect(owner.method, "s")
    for _ in range(SENDS):
        assert send("s") == [(owner.method, 1)]


def test_an_error_ends_a_send_and_is_a_response_of_a_robust_one() -> None:
    def fails() -> None:
        raise ValueError("no")

    after = receiver("after")
    connect(fails, "s")
    connect(after, "s")
    for _ in range(SENDS):
        with pytest.raises(ValueError, match="no") as caught:
            send("s")
        assert caught.value.__context__ is None
        (_, error), (_, response) = sendRobust("s")
        assert isinstance(error, ValueError)
        assert response == "after"


@pytest.mark.parametrize("sending", [send, sendRobust])
def test_an_error_names_the_receiver_with_file_and_line(sending: Untyped) -> None:
    def fails() -> None:
        raise ValueError

    connect(fails, "s")
    for _ in range(SENDS):
        try:
            error = sending("s")[0][1]
        except ValueError as raised:
            error = raised
        (note,) = error.__notes__
        assert note.startswith("raised by receiver ")
        assert f"fails ({__file__}:{fails.__code__.co_firstlineno}) of signal 's'" in note


def test_an_error_raised_again_and_again_is_noted_once() -> None:
    error = ValueError()

    def fails() -> None:
        raise error

    connect(fails, "s")
    for _ in range(SENDS):
        sendRobust("s")
    assert len(error.__notes__) == 1  # type: ignore[attr-defined]


def test_a_receiver_may_be_in_a_crowd_of_other_shapes() -> None:
    made: dict[str, Untyped] = {}
    parameters = ["", "a", "b", "a, b", "sender, b", "**kw", "signal, *, a"]
    exec("\n".join(f"def f{i}({parameters[i % 7]}): return {i}" for i in range(500)), made)
    kept = [made[f"f{i}"] for i in range(500)]
    for each in kept:
        connect(each, "s")
    for _ in range(SENDS):
        assert names(send("s", a=1, b=2)) == list(range(500))
    assert len(dispatcher.explain("s", a=1, b=2)) == 500
