"""Whatever is done, the dispatcher does what an obviously right one does."""

from __future__ import annotations

import gc
import os
from typing import Any as Untyped

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pubsubclient.dispatcher import (
    Any,
    DispatcherKeyError,
    connect,
    disconnect,
    send,
    sendExact,
    sendRobust,
)
from pubsubclient.signals._engine.send import REGISTRY
from signals.clean import assert_clean
from signals.naive import Entry, Naive, accepted

PARAMETERS = [
    "",
    "a",
    "a, b",
    "b, a",
    "a=1",
    "sender, a=1, b=2",
    "signal, sender",
    "*, a",
    "*, b=3, sender",
    "a, /",
    "a=0, /, b=0",
    "a, /, b, *, v0=5",
    "**kw",
    "a, **kw",
    "a=0, /, **a_",
    "sender, *rest, b=1, **kw",
    "*rest",
    "v0, v1=1",
    "r, w, s, f",
    "named, groups=0, miss=0, arguments=0",
    "out=1, add=2, error=3, plan=4",
]
NAMES = ["a", "b", "v0", "v1", "r", "w", "s", "f", "named", "groups", "miss", "arguments", "out", "add", "class", "x-y"]
SIGNALS = ["s", "t", ("u", 1), 5]


class Sender:
    """Small, so that the memory of a dead one is used again."""

    __slots__ = ("__weakref__",)


def make(parameters: str, kind: str, *, cyclic: bool) -> Untyped:
    """A receiver that returns the arguments it got. Returns it and what has to be kept for it to live."""
    made: dict[str, Untyped] = {}
    exec(f"def receive({parameters}): return dict(locals())", made)
    mine = f"me, {parameters}" if not parameters.startswith("/") else parameters
    body = "{k: v for k, v in locals().items() if k != 'me'}"
    exec(f"class Owner:\n def m({mine}): return {body}\n def __call__({mine}): return {body}", made)
    # Popped, because a function refers to its globals: it must not be among them, or only the collector could end it.
    function, owner = made.pop("receive"), made.pop("Owner")
    keeper = function if kind == "function" else owner()
    if cyclic:
        keeper.me = keeper
    return keeper


class Machine(RuleBasedStateMachine):
    """Does the same with both."""

    @initialize()
    def start(self) -> None:
        self.naive = Naive()
        self.keepers: dict[int, tuple[Untyped, str, bool]] = {}
        self.senders: dict[int, Sender] = {}
        self.lost_ids: list[int] = []
        self.numbers = iter(range(10**9))

    def receiver(self, number: int) -> Untyped:
        keeper, kind, _ = self.keepers[number]
        return keeper.m if kind == "method" else keeper

    @rule(
        parameters=st.sampled_from(PARAMETERS),
        kind=st.sampled_from(["function", "method", "instance"]),
        cyclic=st.booleans(),
    )
    def make_receiver(self, parameters: str, kind: str, cyclic: bool) -> None:
        if kind != "function" and "/" in parameters:
            kind = "function"  # `me` would be positional only, too
        self.keepers[next(self.numbers)] = make(parameters, kind, cyclic=cyclic), kind, cyclic

    @rule()
    def make_sender(self) -> None:
        self.senders[next(self.numbers)] = Sender()

    @precondition(lambda self: self.lost_ids)
    @rule()
    def make_sender_with_the_id_of_a_dead_one(self) -> None:
        wanted = self.lost_ids.pop()
        tried = []
        for _ in range(200):
            tried.append(Sender())
            if id(tried[-1]) == wanted:
                break
        # Also if the id did not come again: the course of a test must not depend on it.
        self.senders[next(self.numbers)] = tried[-1]

    @precondition(lambda self: self.keepers)
    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.keepers)))
        signal = data.draw(st.sampled_from([*SIGNALS, Any]))
        sender = data.draw(st.sampled_from([None, *self.senders]))
        priority = data.draw(st.sampled_from([0, 0, 0, 1, -1]))
        once = data.draw(st.integers(0, 9)) == 0
        self.naive.connect(Entry(number, signal, sender, priority, once))
        connect(
            self.receiver(number),
            signal,
            Any if sender is None else self.senders[sender],
            priority=priority,
            once=once,
        )

    @precondition(lambda self: self.keepers)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        existing = [(e.receiver, e.signal, e.sender) for e in self.naive.entries]
        unknown = (data.draw(st.sampled_from(sorted(self.keepers))), "s", None)
        number, signal, sender = data.draw(st.sampled_from([*existing, unknown]))
        whom = Any if sender is None else self.senders[sender]
        if self.naive.disconnect(number, signal, sender):
            disconnect(self.receiver(number), signal, whom)
        else:
            with pytest.raises(DispatcherKeyError):
                disconnect(self.receiver(number), signal, whom)

    @precondition(lambda self: self.keepers)
    @rule(data=st.data())
    def drop_receiver(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.keepers)))
        cyclic = self.keepers.pop(number)[2]
        if cyclic:
            gc.collect()
        self.naive.receiver_died(number)

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def drop_sender(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.senders)))
        self.lost_ids.append(id(self.senders[number]))
        del self.senders[number]
        self.naive.sender_died(number)

    @rule(data=st.data(), times=st.sampled_from([1, 4]), names=st.sets(st.sampled_from(NAMES), max_size=4))
    def send(self, data: st.DataObject, times: int, names: set[str]) -> None:
        signal = data.draw(st.sampled_from([*SIGNALS, Any]))
        number = data.draw(st.sampled_from([None, *self.senders]))
        arguments = data.draw(st.sampled_from([(), (), (), (7,), (7, 8)]))
        sender = Any if number is None else self.senders[number]
        named = {name: index for index, name in enumerate(sorted(names))}
        for _ in range(times):
            entries = self.naive.reached(signal, number)
            for entry in entries:
                if entry.once:
                    self.naive.disconnect(entry.receiver, entry.signal, entry.sender)
            expected = [self.expected(entry, signal, sender, arguments, named) for entry in entries]
            if data.draw(st.booleans()) or any(entry.once for entry in entries):
                found = [
                    (r, "TypeError" if isinstance(v, TypeError) else v)
                    for r, v in self.robust(signal, sender, arguments, named)
                ]
                assert found == expected
            elif any(response == "TypeError" for _, response in expected):
                with pytest.raises(TypeError):
                    send(signal, sender, *arguments, **named)
            else:
                assert send(signal, sender, *arguments, **named) == expected

    @staticmethod
    def robust(signal: Untyped, sender: object, arguments: Untyped, named: Untyped) -> Untyped:
        return sendRobust(signal, sender, *arguments, **named)

    def expected(
        self, entry: Entry, signal: object, sender: object, arguments: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Untyped, Untyped]:
        receiver = self.receiver(entry.receiver)
        try:
            return receiver, receiver(*arguments, **accepted(receiver, {"signal": signal, "sender": sender, **named}))
        except TypeError:
            return receiver, "TypeError"

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def send_exactly(self, data: st.DataObject) -> None:
        signal = data.draw(st.sampled_from([*SIGNALS, Any]))
        number = data.draw(st.sampled_from([None, *self.senders]))
        whom = Any if number is None else self.senders[number]
        here = [e for e in self.naive.entries if e.signal == signal and e.sender == number]
        if any(e.once for e in here):
            return
        here.sort(key=lambda e: -e.priority)
        expected = [self.expected(e, signal, whom, (), {}) for e in here]
        if any(response == "TypeError" for _, response in expected):
            with pytest.raises(TypeError):
                sendExact(signal, whom)
        else:
            assert sendExact(signal, whom) == expected

    @invariant()
    def the_tables_hold_what_is_connected(self) -> None:
        if hasattr(self, "naive"):
            tables = [REGISTRY.any, *REGISTRY.tables.values()]
            assert sum(len(cell) for table in tables for cell in table.cells.values()) == len(self.naive.entries)

    def teardown(self) -> None:
        if hasattr(self, "keepers"):
            self.keepers.clear()
            self.senders.clear()
            gc.collect()
            assert_clean()


@pytest.mark.filterwarnings("ignore::pubsubclient.signals.errors.VanishedReceiverWarning")
@pytest.mark.slow
class TestAgainstNaive(Machine.TestCase):  # type: ignore[misc,name-defined]
    """Hypothesis' way into pytest."""


TestAgainstNaive.settings = settings(
    max_examples=int(os.environ.get("SIGNALS_EXAMPLES", "25")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
