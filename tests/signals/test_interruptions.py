"""What happens in the middle of something else, forced to happen there.

The middle of a fold stands for a finalizer that the collector runs, or for another thread that finds it going on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as Untyped

import pytest

from pubsubclient.dispatcher import connect, disconnect, send, sendRobust
from pubsubclient.signals._engine import changes
from pubsubclient.signals._engine.registry import Registry
from pubsubclient.signals._engine.send import REGISTRY

Interrupt = Callable[[Callable[[], None]], None]


class Sender:
    """Whoever sends."""


def receiver(name: str) -> Untyped:
    return lambda: name


def names(responses: list[tuple[Untyped, Untyped]]) -> list[Untyped]:
    return [response for _, response in responses]


@pytest.fixture
def in_the_middle_of_the_next_fold(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    def arrange(interruption: Callable[[], None]) -> None:
        original = Registry.forget_routes

        def interrupted(self: Registry, table: Untyped, signal: Untyped) -> None:
            monkeypatch.setattr(Registry, "forget_routes", original)
            interruption()
            original(self, table, signal)

        monkeypatch.setattr(Registry, "forget_routes", interrupted)

    return arrange


@pytest.fixture
def after_the_next_route(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    def arrange(interruption: Callable[[], None]) -> None:
        original = Registry.route

        def interrupted(self: Registry, *arguments: Untyped, **named: Untyped) -> Untyped:
            route = original(self, *arguments, **named)
            monkeypatch.setattr(Registry, "route", original)
            interruption()
            return route

        monkeypatch.setattr(Registry, "route", interrupted)

    return arrange


def test_a_change_in_the_middle_of_a_fold_takes_effect_at_once_and_stays(
    in_the_middle_of_the_next_fold: Interrupt,
) -> None:
    early, late = receiver("early"), receiver("late")
    seen: list[object] = []

    def interruption() -> None:
        connect(late, "s")
        seen.append(names(send("s")))
        disconnect(late, "s")
        seen.append(names(send("s")))
        connect(late, "s")

    in_the_middle_of_the_next_fold(interruption)
    connect(early, "s")
    assert seen == [["early", "late"], ["early"]]
    assert names(send("s")) == ["early", "late"]


def test_what_a_sender_gets_in_the_middle_of_a_fold_is_not_kept_for_others(
    in_the_middle_of_the_next_fold: Interrupt,
) -> None:
    early, own, sender = receiver("early"), receiver("own"), Sender()

    def interruption() -> None:
        connect(own, "s", sender)
        for _ in range(5):
            assert names(send("s", sender)) == ["own", "early"]
            assert names(send("s", Sender())) == ["early"]

    in_the_middle_of_the_next_fold(interruption)
    connect(early, "s")
    for _ in range(5):
        assert names(send("s", Sender())) == ["early"]
        assert names(send("s", sender)) == ["own", "early"]


def test_a_sender_whose_table_is_being_emptied_can_be_connected_again(
    in_the_middle_of_the_next_fold: Interrupt,
) -> None:
    old, new, sender = receiver("old"), receiver("new"), Sender()
    connect(old, "s", sender)
    in_the_middle_of_the_next_fold(lambda: connect(new, "s", sender) and None)
    disconnect(old, "s", sender)
    for _ in range(5):
        assert names(send("s", sender)) == ["new"]


def test_a_sender_may_die_while_it_is_connected_to(in_the_middle_of_the_next_fold: Interrupt) -> None:
    old, new, senders = receiver("old"), receiver("new"), [Sender()]
    connect(old, "s")

    def interruption() -> None:
        connect(new, "s", senders[0])
        senders.clear()

    in_the_middle_of_the_next_fold(interruption)
    disconnect(old, "s")
    assert send("s", Sender()) == []


@pytest.mark.parametrize("sending", [send, sendRobust])
def test_a_change_between_finding_the_receivers_and_keeping_the_function_is_not_missed(
    after_the_next_route: Interrupt, sending: Untyped
) -> None:
    early, late = receiver("early"), receiver("late")
    connect(early, "s")
    for _ in range(5):
        sending("s")
    disconnect(early, "s")
    connect(early, "s")
    after_the_next_route(lambda: connect(late, "s") and None)
    assert names(sending("s")) == ["early"]
    for _ in range(5):
        assert names(sending("s")) == ["early", "late"]


def test_what_is_folded_again_ends_no_younger_connection() -> None:
    """A fork, or an interruption where nothing can be caught, leaves in the log what is folded already."""

    def receive() -> int:
        return 1

    first = connect(receive, "s")
    pending = [(changes.add, first._link)]
    second = connect(receive, "s")
    pending.append((changes.add, second._link))
    REGISTRY.log[:0] = pending
    REGISTRY.fold()
    assert (first.connected, second.connected) == (False, True)
    assert names(send("s")) == [1]


def test_an_interruption_keeps_the_rest_of_the_log() -> None:
    """What it comes in the middle of is done again, what was done before is not."""

    class Interrupts:
        """A signal whose comparison an interrupt comes in."""

        armed = True

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            if self.armed and isinstance(other, Interrupts):
                raise KeyboardInterrupt
            return self is other

    kept, late, signals = receiver("kept"), receiver("late"), (Interrupts(), Interrupts())
    connect(kept, signals[0])
    with pytest.raises(KeyboardInterrupt):
        connect(kept, signals[1])
    assert len(REGISTRY.log) == 1
    Interrupts.armed = False
    connect(late, "s")
    assert REGISTRY.log == []
    assert [names(send(signal)) for signal in (*signals, "s")] == [["kept"], ["kept"], ["late"]]


def test_a_signal_that_cannot_be_compared_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Signal:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

    kept, good = receiver("kept"), receiver("good")
    first = Signal()
    connect(kept, first)
    assert not connect(kept, Signal()).connected
    assert "failed" in caplog.text
    connect(good, "s")
    assert names(send("s")) == ["good"]
    assert names(send(first)) == ["kept"]
    disconnect(kept, first)
