"""Programs written for PyDispatcher run after a change of their import."""

from __future__ import annotations

import gc
import inspect
from typing import Any as Untyped

import pytest

from pubsubclient.pydispatch import dispatcher, errors, robust, robustapply, saferef
from signals.clean import assert_clean


def echo(a: object) -> object:
    return a


class Thing:
    """A sender, and the owner of a method."""

    def echo(self, a: object) -> object:
        return a

    def __call__(self, a: object) -> object:
        return a


def test_the_seed_program() -> None:
    heard = []
    signal = "my-first-signal"

    def handle_event(sender: object) -> None:
        heard.append(sender)

    dispatcher.connect(handle_event, signal=signal, sender=dispatcher.Any)
    one: object = object()
    two: dict[str, int] = {}
    for _ in range(4):
        dispatcher.send(signal=signal, sender=one)
        dispatcher.send(signal=signal, sender=two)
    assert heard[::2] == [one] * 4
    assert heard[1] is two


@pytest.mark.parametrize("connected_to", ["both", "signal", "sender", "any"])
def test_what_is_connected_is_called_and_what_is_disconnected_is_not(connected_to: str) -> None:
    sender = Thing()
    signal = dispatcher.Any if connected_to in ("sender", "any") else "this"
    whom = dispatcher.Any if connected_to in ("signal", "any") else sender
    dispatcher.connect(echo, signal, whom)
    assert dispatcher.send("this", sender, a=sender) == [(echo, sender)]
    dispatcher.disconnect(echo, signal, whom)
    assert dispatcher.send("this", sender, a=sender) == []
    assert list(dispatcher.getAllReceivers(sender, signal)) == []
    assert_clean()


def test_dead_receivers_are_cleaned_up() -> None:
    sender = Thing()
    for receiver in (Thing().echo, Thing()):
        del receiver
    thing = Thing()
    dispatcher.connect(thing.echo, "this", sender)
    dispatcher.connect(thing, "this", sender)
    del thing
    assert dispatcher.send("this", sender, a=1) == []
    assert list(dispatcher.getAllReceivers(sender, "this")) == []
    assert_clean()


def test_connecting_many_times_connects_once() -> None:
    sender, thing = Thing(), Thing()
    for _ in range(6):
        dispatcher.connect(thing, "this", sender)
    assert len(dispatcher.send("this", sender, a=1)) == 1
    assert len(list(dispatcher.getAllReceivers(sender, "this"))) == 1
    del thing, sender
    assert_clean()


def test_a_robust_send_returns_errors() -> None:
    def fails() -> None:
        raise ValueError("this")

    sender = object()
    dispatcher.connect(fails, dispatcher.Any, sender)
    ((receiver, error),) = robust.sendRobust("this", sender, a=sender)
    assert receiver is fails
    assert error.args == ("this",)


def test_none_is_no_signal() -> None:
    for function in (dispatcher.connect, dispatcher.disconnect):
        with pytest.raises(errors.DispatcherTypeError):
            function(echo, signal=None)
    with pytest.raises(errors.DispatcherKeyError):
        dispatcher.disconnect(echo, signal="not-registered")


def test_references_are_listed_and_resolved() -> None:
    thing = Thing()
    dispatcher.connect(thing.echo, "s")
    dispatcher.connect(echo, "s", weak=False)
    method, function = dispatcher.getReceivers(dispatcher.Any, "s")
    assert isinstance(method, saferef.BoundMethodWeakref)
    assert isinstance(method, dispatcher.WEAKREF_TYPES)
    assert function is echo
    assert list(dispatcher.liveReceivers([method, function])) == [thing.echo, echo]
    assert inspect.isgenerator(dispatcher.liveReceivers([]))
    assert next(dispatcher.getAllReceivers(thing, "s")) == method
    del thing
    assert list(dispatcher.liveReceivers([method, function])) == [echo]


def test_all_receivers_can_be_disconnected_the_way_scrapy_does() -> None:
    kept = [Thing() for _ in range(4)]
    for thing in kept:
        dispatcher.connect(thing.echo, "s", dispatcher.Any)
    for receiver in dispatcher.liveReceivers(dispatcher.getAllReceivers(dispatcher.Any, "s")):
        dispatcher.disconnect(receiver, signal="s", sender=dispatcher.Any)
    assert dispatcher.send("s", a=1) == []


def test_receivers_can_be_called_one_by_one_the_way_scrapy_does() -> None:
    async def receive(a: int) -> int:
        return a

    dispatcher.connect(receive, "s")
    for receiver in dispatcher.liveReceivers(dispatcher.getAllReceivers(None, "s")):
        response = robustapply.robustApply(receiver, signal="s", sender=None, a=1, spider=2)
        assert inspect.iscoroutine(response)
        response.close()


class TestRobustApply:
    """Calling with what is accepted."""

    def test_names_that_are_not_accepted_are_dropped(self) -> None:
        def rest(a: int, e: int, **more: object) -> object:
            return a, e, more

        assert robustapply.robustApply(lambda: 1, b=2) == 1
        assert robustapply.robustApply(lambda a, *args, e: (a, args, e), a=0, args=(1, 2), e=8) == (0, (), 8)
        assert robustapply.robustApply(rest, a=0, more=3, e=8) == (0, 8, {"more": 3})
        assert robustapply.robustApply(lambda a, b, /, c, *, e: (a, b, c, e), 1, 2, 3, e=6) == (1, 2, 3, 6)
        assert robustapply.robustApply(lambda a, *more, e: more, 1, 8, e=6) == (8,)
        assert robustapply.robustApply(lambda receiver: receiver, receiver=5) == 5

    @pytest.mark.parametrize(
        ("function", "arguments", "named"),
        [
            (lambda: None, ("this",), {}),
            (lambda blah: None, (), {}),
            (lambda blah: None, ("this",), {"blah": "that"}),
            (lambda a, b, /, c: None, (), {"a": 0, "b": 3, "c": 4}),
        ],
    )
    def test_what_does_not_fit_is_a_type_error(self, function: Untyped, arguments: Untyped, named: Untyped) -> None:
        with pytest.raises(TypeError):
            robustapply.robustApply(function, *arguments, **named)

    def test_function_tells_what_would_be_called(self) -> None:
        thing = Thing()
        assert robustapply.function(echo) == (echo, echo.__code__, 0)
        assert robustapply.function(thing.echo) == (thing.echo, Thing.echo.__code__, 1)
        assert robustapply.function(thing) == (thing.__call__, Thing.__call__.__code__, 1)
        with pytest.raises(ValueError, match="unknown"):
            robustapply.function(len)


class TestSafeRef:
    """References to methods."""

    def test_references_are_found_by_equality(self) -> None:
        things = [Thing() for _ in range(50)]
        references = [saferef.safeRef(thing.echo) for thing in things] + [saferef.safeRef(echo)]
        table = dict.fromkeys(references)
        for thing in things:
            assert saferef.safeRef(thing.echo) in references
            assert saferef.safeRef(thing.echo) in table
        assert saferef.safeRef(echo) in table
        assert saferef.safeRef(Thing().echo) not in table
        assert all(reference() for reference in references)
        assert repr(references[0]) == "BoundMethodWeakref( Thing.echo )"
        assert references[0] != 5

    def test_the_end_of_a_method_is_told_once(self) -> None:
        told = []
        thing = Thing()
        reference = saferef.safeRef(thing.echo, told.append)
        other = saferef.safeRef(thing, told.append)
        del thing
        gc.collect()
        assert set(map(id, told)) == {id(reference), id(other)}
        assert len(told) == 2
        assert not reference
        assert reference() is None
        assert reference == reference  # noqa: PLR0124

    def test_a_dead_reference_is_not_its_successor(self) -> None:
        thing = Thing()
        reference = saferef.safeRef(thing.echo)
        del thing
        successors = [Thing() for _ in range(100)]
        assert all(saferef.safeRef(successor.echo) != reference for successor in successors)
