"""Which arguments a receiver gets, whatever it is and whatever they are called."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import Anonymous, connect, disconnect, send, sendRobust

#: A send runs other code the first times than later.
SENDS = 5


class Sender:
    """Whoever sends."""


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


def test_each_receiver_gets_the_arguments_it_has_names_for() -> None:
    def all_of_them(signal: object, sender: object, a: int, b: int) -> object:
        return signal, sender, a, b

    def some(b: int, sender: object) -> object:
        return b, sender

    def none() -> None: ...

    def others(a: int, z: int = 9) -> object:
        return a, z

    def keyword_only(*, b: int) -> object:
        return b

    def everything(**kw: object) -> object:
        return kw

    def rest(a: int, **kw: object) -> object:
        return a, kw

    sender = Sender()
    kept = [all_of_them, some, none, others, keyword_only, everything, rest]
    for each in kept:
        connect(each, "s")
    for _ in range(SENDS):
        assert names(send("s", sender, a=1, b=2, c=3)) == [
            ("s", sender, 1, 2),
            (2, sender),
            None,
            (1, 9),
            2,
            {"signal": "s", "sender": sender, "a": 1, "b": 2, "c": 3},
            (1, {"signal": "s", "sender": sender, "b": 2, "c": 3}),
        ]
        assert send("s", sender, a=1, b=2, z=3)[3][1] == (1, 3)
        assert send("s", sender, z=3, a=1, b=2, y=0)[3][1] == (1, 3)


def test_a_send_with_other_arguments_is_not_taken_for_the_one_before() -> None:
    def receive(a: int = 0, b: int = 0) -> object:
        return a, b

    connect(receive, "s")
    for _ in range(SENDS):
        assert names(send("s", a=1)) == [(1, 0)]
        assert names(send("s", b=2)) == [(0, 2)]
        assert names(send("s")) == [(0, 0)]
        assert names(send("s", c=3)) == [(0, 0)]
        assert names(send("s", a=1, c=3)) == [(1, 0)]
        assert names(send("s", c=3, b=2)) == [(0, 2)]
        assert names(send("s", None, 7)) == [(7, 0)]
        assert names(send("s", None, 7, b=2)) == [(7, 2)]
        assert names(send("s", None, 7, 8)) == [(7, 8)]


def test_signal_and_sender_may_be_given_by_name() -> None:
    def receive(signal: object, sender: object, a: int = 0) -> object:
        return signal, sender, a

    sender = Sender()
    connect(receive, "s")
    for _ in range(SENDS):
        assert names(send(signal="s", sender=sender)) == [("s", sender, 0)]
        assert names(send("s", sender=sender, a=1)) == [("s", sender, 1)]
        assert names(send(signal="s", a=2)) == [("s", Anonymous, 2)]
        assert names(sendRobust(signal="s", sender=sender)) == [("s", sender, 0)]


def test_a_signal_or_sender_given_twice_is_refused() -> None:
    with pytest.raises(TypeError, match="only once"):
        send("s", None, sender=None)
    with pytest.raises(TypeError, match="only once"):
        send("s", None, signal="s")


@pytest.mark.parametrize(
    "name",
    [
        "arguments",
        "named",
        "groups",
        "miss",
        "r",
        "w",
        "s",
        "f",
        "v",
        "v0",
        "v1",
        "g0",
        "f_g0",
        "out",
        "add",
        "error",
        "plan",
        "bind",
        "blame",
        "refuse",
        "isawaitable",
        "shape",
        "sent",
        "MethodType",
        "self",
        "cls",
        "receiver",
        "mode",
        "__class__",
        "_",
        "match",
    ],
)
def test_an_argument_may_have_any_name(name: str) -> None:
    made: dict[str, Untyped] = {}
    exec(f"def receive({name}, sender, a=0): return {name}, a\nclass C:\n def m(me, a, {name}): return {name}, a", made)
    kept = made["C"]()
    connect(made["receive"], "s")
    connect(kept.m, "s")
    for _ in range(SENDS):
        assert names(send("s", **{name: 5, "a": 6})) == [(5, 6), (5, 6)]


@pytest.mark.parametrize("name", ["class", "a-b", "", "ﬁ", "__debug__", "a b", "1"])
def test_a_name_that_python_cannot_write_reaches_who_takes_any_name(name: str) -> None:
    def takes_any(**kw: object) -> object:
        return kw[name]

    def takes_none() -> None: ...

    connect(takes_any, "s")
    connect(takes_none, "s")
    for _ in range(SENDS):
        assert names(send("s", **{name: 1})) == [1, None]


def test_names_are_no_way_to_fill_positional_only_parameters() -> None:
    def receive(a: int = 1, /, b: int = 2, **kw: object) -> object:
        return a, b, kw.get("a")

    def strict(a: int, /) -> None: ...

    connect(receive, "s")
    for _ in range(SENDS):
        assert names(send("s", a=5, b=6)) == [(1, 6, 5)]

    def beside(a: int) -> int:
        return a

    connect(beside, "s")
    connect(strict, "s")
    for _ in range(SENDS):
        assert isinstance(sendRobust("s", a=5)[2][1], TypeError)
        with pytest.raises(TypeError, match="positional"):
            send("s", a=5)


def test_a_name_given_by_position_as_well_is_pythons_own_error() -> None:
    class Owner:
        def method(self, a: int) -> int:
            return a

    owner = Owner()
    connect(owner.method, "s")
    for _ in range(SENDS):
        assert names(send("s", None, 1)) == [1]
        with pytest.raises(TypeError, match="multiple values for argument 'a'"):
            send("s", None, 1, a=2)


def test_all_kinds_of_callables_are_receivers() -> None:
    class Instance:
        def __call__(self, a: int) -> str:
            return f"instance {a}"

    class Made:
        def __init__(self, a: int) -> None:
            self.a = a

        @classmethod
        def of_class(cls, a: int) -> str:
            return f"class {a}"

        @staticmethod
        def static(a: int) -> str:
            return f"static {a}"

    box: deque[int] = deque()
    instance = Instance()
    partial = functools.partial(lambda a, b: f"partial {a}{b}", b=7)
    for each in (instance, Made, Made.of_class, Made.static, partial):
        connect(each, "s")
    for _ in range(SENDS):
        found = names(send("s", a=1))
        assert isinstance(found[1], Made)
        assert found[1].a == 1
        assert [found[0], *found[2:]] == ["instance 1", "class 1", "static 1", "partial 17"]
    connect(box.append, "push")
    connect(print, "print")
    send("push", None, 5)
    assert list(box) == [5]
    assert names(send("print")) == [None]
    disconnect(box.append, "push")
    assert send("push", None, 6) == []


def test_a_decorated_receiver_gets_what_its_wrapper_takes() -> None:
    def decorate(function: Untyped) -> Untyped:
        @functools.wraps(function)
        def wrapper(*args: object, **kw: object) -> object:
            return sorted(kw)

        return wrapper

    @decorate
    def receive(a: int) -> None: ...

    connect(receive, "s")
    assert names(send("s", a=1, b=2)) == [["a", "b", "sender", "signal"]]
