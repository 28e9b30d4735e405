"""The contenders of ``signals.py``: each makes a cell, which runs its send a number of times."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pubsubclient import dispatcher
from pubsubclient.signals import Connection, Signal

SIGNAL = "benchmark"

#: A contender's cell: runs its send a number of times.
Run = Callable[[int], object]
#: Makes a cell from receivers: the receivers' kind has been chosen before.
Maker = Callable[[list[Callable[..., object]]], Run]


class Sender:
    """Whoever sends."""


SENDER = Sender()


@dataclass(frozen=True)
class Case:
    """One kind of receivers."""

    count: int
    methods: bool
    part: bool

    def __str__(self) -> str:
        kind = "methods" if self.methods else "functions"
        return f"{self.count:3} {kind:9} {'part' if self.part else 'all'}"


def receivers(case: Case, style: str) -> list[Callable[..., object]]:
    """Receivers as a contender's users would write them: some have to take whatever is sent (``**_``)."""
    name = f"{style}_{'part' if case.part else 'all'}"
    if case.methods:
        instances = [OWNERS[name]() for _ in range(case.count)]
        KEPT.extend(instances)
        return [instance.receive for instance in instances]
    made = [MAKERS[name]() for _ in range(case.count)]
    KEPT.extend(made)
    return made


#: Keeps weakly connected receivers alive.
KEPT: list[object] = []
#: Our connections, some of which would stay for good.
CONNECTED: list[Connection] = []
_numbers = itertools.count()


def new_signal() -> str:
    """A signal that nobody has used."""
    return f"{SIGNAL} {next(_numbers)}"


_PARAMETERS = {
    "filtered_all": "signal, sender, a, b",
    "filtered_part": "sender, a",
    "blinker_all": "sender, a, b",
    "blinker_part": "sender, a, **_",
    "django_all": "signal, sender, a, b",
    "django_part": "sender, a, **_",
    "positional_all": "sender, a, b",
    "positional_part": "sender, a",
}
MAKERS: dict[str, Callable[[], Callable[..., object]]] = {}
OWNERS: dict[str, type] = {}
for _name, _parameters in _PARAMETERS.items():
    _made: dict[str, Any] = {}
    exec(f"def make():\n def receive({_parameters}): return a\n return receive", _made)
    exec(f"class Owner:\n def receive(self, {_parameters}): return a", _made)
    MAKERS[_name], OWNERS[_name] = _made["make"], _made["Owner"]


# -- contenders ----------------------------------------------------------------------------------------------------


def bare(case: Case) -> Run:
    """Call the receivers in a loop."""
    called = receivers(case, "filtered")

    def send_all(signal: object, sender: object, a: int, b: int) -> list[tuple[object, object]]:
        responses = []
        for receiver in called:
            responses.append((receiver, receiver(signal=signal, sender=sender, a=a, b=b)))  # noqa: PERF401
        return responses

    def send_part(signal: object, sender: object, a: int, b: int) -> list[tuple[object, object]]:  # noqa: ARG001
        responses = []
        for receiver in called:
            responses.append((receiver, receiver(sender=sender, a=a)))  # noqa: PERF401
        return responses

    send = send_part if case.part else send_all

    def run(times: int) -> None:
        for _ in range(times):
            send(SIGNAL, SENDER, a=1, b=2)

    return run


def ours(case: Case, *, weak: bool = True, sender: object = dispatcher.Any) -> Run:
    """`dispatcher.send`."""
    signal = new_signal()
    for receiver in receivers(case, "filtered"):
        CONNECTED.append(dispatcher.connect(receiver, signal, sender, weak))  # noqa: PERF401
    send = dispatcher.send

    def run(times: int) -> None:
        for _ in range(times):
            send(signal, SENDER, a=1, b=2)

    return run


def ours_object(case: Case) -> Run:
    """`Signal.send`."""
    signal: Signal[..., Any] = Signal(name=SIGNAL)
    for receiver in receivers(case, "filtered"):
        CONNECTED.append(signal.connect(receiver))  # noqa: PERF401

    def run(times: int) -> None:
        for _ in range(times):
            signal.send(SENDER, a=1, b=2)

    return run


def pydispatcher(case: Case) -> Run:
    """PyDispatcher's `send`."""
    theirs = importlib.import_module("pydispatch.dispatcher")
    signal = new_signal()
    for receiver in receivers(case, "filtered"):
        theirs.connect(receiver, signal)
    send = theirs.send

    def run(times: int) -> None:
        for _ in range(times):
            send(signal, SENDER, a=1, b=2)

    return run


def blinker(case: Case) -> Run:
    """blinker's `Signal.send`."""
    signal = importlib.import_module("blinker").Signal()
    for receiver in receivers(case, "blinker"):
        signal.connect(receiver)

    def run(times: int) -> None:
        for _ in range(times):
            signal.send(SENDER, a=1, b=2)

    return run


def django(case: Case) -> Run:
    """Django's `Signal.send`, with the cache of receivers that Django's own signals use."""
    signal = importlib.import_module("django.dispatch").Signal(use_caching=True)
    for receiver in receivers(case, "django"):
        signal.connect(receiver)

    def run(times: int) -> None:
        for _ in range(times):
            signal.send(SENDER, a=1, b=2)

    return run


def psygnal(case: Case) -> Run:
    """psygnal's `SignalInstance.emit`, which passes arguments by position and returns nothing."""
    instance = importlib.import_module("psygnal").SignalInstance((object, int, int))
    for receiver in receivers(case, "positional"):
        instance.connect(receiver)

    def run(times: int) -> None:
        for _ in range(times):
            instance.emit(SENDER, 1, 2)

    return run


CONTENDERS: dict[str, Callable[[Case], Run]] = {
    "bare": bare,
    "ours": ours,
    "ours, weak=False": lambda case: ours(case, weak=False),
    "ours, one sender": lambda case: ours(case, sender=SENDER),
    "ours, Signal": ours_object,
    "PyDispatcher": pydispatcher,
    "blinker": blinker,
    "Django": django,
    "psygnal": psygnal,
}


# -- measuring -----------------------------------------------------------------------------------------------------
