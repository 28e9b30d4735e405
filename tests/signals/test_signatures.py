"""Every kind of callable gets the arguments that `inspect.signature` says it takes, or its code where that says nothing."""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import types
from typing import Any as Untyped
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubsubclient.dispatcher import Anonymous, Any, connect, explain, getReceivers, liveReceivers, send, sendRobust
from pubsubclient.signals._engine.signature import shape_of
from signals.callables import CALLABLES, Asked, Inherited, Nested, OfClass, Owner, Static, Wrapper, owner, plain, told
from signals.naive import accepted

#: A send runs other code the first times than later.
SENDS = 5


def outcome(call: Untyped, *args: object, **kw: object) -> object:
    """What a call gives; of errors, the type."""
    try:
        return call(*args, **kw)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("kind", CALLABLES)
def test_a_receiver_gets_what_its_signature_tells(kind: str) -> None:
    receiver = CALLABLES[kind]
    try:
        inspect.signature(receiver)
    except (TypeError, ValueError):
        pytest.skip("it tells no signature here")
    with connect(receiver, "s", weak=False):
        for named in (
            {},
            {"x": 1},
            {"y": 2},
            {"x": 1, "y": 2},
            {"x": 1, "y": 2, "z": 3, "w": 4},
            {"real": 1, "key": None},
        ):
            takes = accepted(receiver, {"signal": "s", "sender": "me", **named})
            expected = outcome(receiver, **takes)
            for _ in range(SENDS):
                ((_, response),) = sendRobust("s", "me", **named)
                assert (type(response) if isinstance(response, Exception) else response) == expected
                assert outcome(lambda named=named: send("s", "me", **named)[0][1]) == expected
            (delivery,) = explain("s", "me", **named)
            assert set(delivery.passed) == takes.keys()


def test_what_inspect_cannot_tell_is_told_by_what_is_called() -> None:
    """Some of it only by some versions of Python."""
    for receiver in (Static(), Inherited(), OfClass(), Asked(), functools.partial(Static())):
        connect(receiver, "s", weak=False)
    connect(Nested(), "t", weak=False)
    for _ in range(SENDS):
        assert [r for _, r in send("s", x=1, y=2)] == [
            ("static", 1), ("static", 1), ("class", 1), ("property", 1), ("static", 1),
        ]  # fmt: skip
        assert send("t", x=3, y=2)[0][1] == ("called", 3, 2)


def mocks_that_say_they_are_something_else() -> list[Untyped]:
    return [
        mock.Mock(spec=plain),
        mock.MagicMock(spec=owner.method),
        mock.Mock(spec=functools.partial(plain)),
        mock.Mock(spec=print),
        mock.NonCallableMock(spec=plain),
        mock.Mock(spec_set=plain),
    ]


@pytest.mark.parametrize("index", range(6))
def test_a_mock_that_says_it_is_something_else_is_a_receiver_of_its_own(index: int) -> None:
    receiver = mocks_that_say_they_are_something_else()[index]
    if not callable(receiver):
        return
    receiver.return_value = 1
    with connect(receiver, "s"):
        assert list(liveReceivers(getReceivers(Any, "s"))) == [receiver]
        for _ in range(SENDS):
            assert send("s", x=1) == [(receiver, 1)]
        assert receiver.call_args.kwargs == {"signal": "s", "sender": Anonymous, "x": 1}
    connect(receiver, "s")
    del receiver
    gc.collect()
    assert send("s") == []


class Broken:
    """Answers every question with an error, or with itself."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> object:
        if isinstance(answer := self.__dict__["answer"], Exception):
            raise answer
        return self

    def __call__(self, x: int = 0, **kw: object) -> object:
        return x


@pytest.mark.parametrize("answer", [OSError(), None])
def test_an_object_that_answers_questions_wrongly_is_taken_for_what_its_code_takes(answer: object) -> None:
    receiver = Broken(answer)
    connect(receiver, "s")
    for _ in range(SENDS):
        assert send("s", x=1, y=2) == [(receiver, 1)]


def test_a_wrapper_that_takes_less_than_it_wraps_gets_less() -> None:
    """It may fill in the rest."""

    class Fills:
        def __init__(self, function: Untyped) -> None:
            functools.update_wrapper(self, function)

        def __call__(self, x: int) -> object:
            return plain(x, y=9)

    receiver = Fills(plain)
    connect(receiver, "s")
    for _ in range(SENDS):
        assert send("s", x=1, y=2)[0][1] == ("plain", 1, 9)


@st.composite
def parameters(draw: st.DrawFn) -> str:
    """The parameters of a function."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c", "signal", "sender"]), unique=True, max_size=4))
    only, by_name = sorted([draw(st.integers(0, len(names))), draw(st.integers(0, len(names)))])
    defaults = draw(st.integers(0, by_name))
    parts = [f"{n}=0" if i >= by_name - defaults else n for i, n in enumerate(names[:by_name])]
    if only:
        parts.insert(only, "/")
    if by_name < len(names):
        parts.append(draw(st.sampled_from(["*", "*rest"])))
        parts += [draw(st.sampled_from([n, f"{n}=0"])) for n in names[by_name:]]
    if draw(st.booleans()):
        parts.append("**kw")
    return ", ".join(parts)


KINDS = [
    "function",
    "method",
    "cached",
    "cached method",
    "static call",
    "call",
    "class",
    "wrapper",
    "described",
    "autospec",
]


def made(kind: str, text: str) -> Untyped:
    """A callable of a kind, which returns its arguments."""
    space: dict[str, Untyped] = {}
    mine = f"me, /, {text.replace('/, ', '').replace(', /', '').replace('/', '')}" if "/" not in text else f"me, {text}"
    body = "{k: v for k, v in locals().items() if k != 'me'}"
    exec(f"def function({text}): return {body}\ndef method({mine}): return {body}", space)
    function, method = space["function"], space["method"]
    if kind == "function":
        return function
    if kind == "method":
        return types.MethodType(method, Owner())
    if kind == "cached":
        return functools.lru_cache(function)
    if kind == "cached method":
        return types.MethodType(functools.lru_cache(method), Owner())
    if kind == "static call":
        return type("Of", (), {"__call__": staticmethod(function)})()
    if kind == "call":
        return type("Of", (), {"__call__": method})()
    if kind == "class":
        return type("Of", (), {"__new__": method})
    if kind == "wrapper":
        return Wrapper(function)
    if kind == "described":

        def described(*args: object, **kw: object) -> object:
            return function(*args, **kw)

        return told(described, inspect.signature(function))
    return mock.create_autospec(function, side_effect=function)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    text=parameters(),
    bound=st.integers(0, 2),
    named=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.just(7), max_size=2),
    sent=st.sets(st.sampled_from(["a", "b", "c", "d", "e"])),
)
def test_a_signature_of_any_kind_and_a_partial_of_it_are_read_right(
    kind: str, text: str, bound: int, named: dict[str, int], sent: set[str]
) -> None:
    receiver = made(kind, text)
    offered = {"signal": "s", "sender": "me", **{name: index for index, name in enumerate(sorted(sent))}}
    function = made("function", text)
    for each, judge in (
        (receiver, function),
        (functools.partial(receiver, *range(bound), **named), functools.partial(function, *range(bound), **named)),
    ):
        with contextlib.suppress(ValueError):  # too many are bound
            takes = accepted(judge, offered)
            assert dict(shape_of(each).select(offered)) == takes
            with connect(each, "s", weak=False):
                ((_, response),) = sendRobust("s", "me", **{k: v for k, v in offered.items() if k in sent})
            assert (type(response) if isinstance(response, Exception) else response) == outcome(each, **takes)
