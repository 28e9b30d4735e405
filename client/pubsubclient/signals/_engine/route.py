"""Where a signal of a sender goes: the receivers in order, and the functions that call them.

A function is made for the arguments that are sent. The first sends with new arguments use a general one that asks
each receiver's shape at the call; only if they come again is one compiled, unless one of the same text is there.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Hashable, Iterable
from itertools import groupby
from typing import Any as Untyped
from typing import NamedTuple

from pubsubclient.signals._engine.compiler import Plan, compiled, kept, refuse
from pubsubclient.signals._engine.link import Link, Receiver
from pubsubclient.signals._engine.signature import Shape
from pubsubclient.signals._engine.source import Held, Mode, Run, Text, arguments_text

__all__ = ["Route"]

#: How often the general function is used before one is compiled.
_COLD_SENDS = 2
#: How many functions a route keeps, and how many kinds of arguments it counts.
_MAX_PLANS = 64
#: What the text of a general call passes.
_GENERAL_ARGUMENTS = "(*shape.leading(sent), *arguments, **shape.select(sent))"
#: Above this, a function would be longer than it is worth.
_MAX_RUNS = 200


class Route:
    """The links of one signal and sender, and the functions made for them.

    Args:
        links: In the order of the calls.
        miss: What a function does that meets other arguments than it was made for.
    """

    __slots__ = ("_plans", "_seen", "_targets", "_universe", "links", "miss")

    def __init__(self, links: Iterable[Link], miss: Plan) -> None:
        self.links = tuple(links)
        self.miss = miss
        # A dict, to have the names in a fixed order.
        universe = dict.fromkeys(name for shape in {link.shape for link in self.links} for name in shape.by_name)
        self._universe = tuple(sorted(universe.keys() - {"signal", "sender"}))
        self._plans: dict[Hashable, Plan] = {}
        self._seen: dict[Hashable, int] = {}
        # References are looked up here, once: later a link may have ended, and have none.
        self._targets = [target for link in self.links if (target := _target(link)) is not None]

    def plan(self, mode: Mode, given: int, named: dict[str, object]) -> tuple[Plan, bool]:
        """The function for a send, and whether it may be used for any other: whether it checks its arguments.

        Args:
            mode: The way to send.
            given: How many arguments are given by position.
            named: Those given by name.

        Raises:
            AsyncReceiverError: If the mode is SEND and a receiver is async. No receiver has been called then.
        """
        names = tuple([name for name in self._universe if name in named])
        exact = len(names) == len(named) and len(names) != len(self._universe)
        key = (mode, given, names, exact)
        plan = self._plans.get(key)
        if plan is None:
            if mode is Mode.SEND:
                self._refuse_async()
            plan = self._make(key, mode, given, names, exact=exact)
        return plan, mode is Mode.SEND and not given and key in self._plans

    def _refuse_async(self) -> None:
        for link in self.links:
            if link.shape.is_async and (receiver := link.resolve()) is not None:
                raise refuse(receiver, link.signal)

    def _make(self, key: Hashable, mode: Mode, given: int, names: tuple[str, ...], *, exact: bool) -> Plan:
        runs, groups = self._runs(mode, given, names)
        guarded = mode is Mode.SEND and not given
        absent = tuple(name for name in self._universe if name not in names) if guarded else ()
        text = Text(mode, names, absent, guarded, exact, runs)
        bind = kept(text)
        if bind is None:
            if len(self._seen) >= _MAX_PLANS:
                self._seen.clear()
            seen = self._seen[key] = self._seen.get(key, 0) + 1
            if seen <= _COLD_SENDS or len(runs) > _MAX_RUNS:
                return self._general(mode)
            bind = compiled(text)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[key] = bind(groups, self.miss)
        return plan

    def _runs(self, mode: Mode, given: int, names: tuple[str, ...]) -> tuple[tuple[Run, ...], tuple[object, ...]]:
        runs: list[Run] = []
        groups: list[object] = []
        for _, members in groupby(self._targets, key=_alike):
            targets = tuple(members)
            shape, held, function, handle = targets[0]
            lone = len(targets) == 1
            if lone:
                groups.append(handle)
            elif held is Held.METHOD:
                held = Held.SIBLINGS
                groups.append((function, tuple([target.handle[0] for target in targets])))
            else:
                groups.append(tuple([target.handle for target in targets]))
            runs.append(Run(held, arguments_text(shape, given, names), lone, _gives(shape, mode)))
        return tuple(runs), tuple(groups)

    def _general(self, mode: Mode) -> Plan:
        runs, groups = [], []
        for gives, members in groupby(self._targets, key=lambda target: _gives(target.shape, mode)):
            runs.append(Run(Held.GENERIC, _GENERAL_ARGUMENTS, lone=False, gives=gives))
            groups.append(tuple([(functools.partial(_look, target), target.shape) for target in members]))
        text = Text(mode, (), (), guarded=False, exact=False, runs=tuple(runs))
        return compiled(text)(tuple(groups), self.miss)


class _Target(NamedTuple):
    """How one receiver is called."""

    shape: Shape
    held: Held
    #: Of a method: the function, or rather a reference to it that is the same for all methods of the function.
    function: object
    #: What the way of holding it needs.
    handle: Untyped


def _target(link: Link) -> _Target | None:
    """How a link's receiver is called, or None if the link has ended."""
    ref, func = link.ref, link.func
    if link.once:
        # Taking it looks like looking at a weak reference: the receiver, or None.
        return _Target(link.shape, Held.WEAK, None, link.take)
    if func is not None:
        # Python keeps one plain reference for each object, so equal functions show as one reference.
        function = func()
        plain = None if function is None else weakref.ref(function)
        return None if plain is None else _Target(link.shape, Held.METHOD, plain, (ref, plain))
    if link.weak:
        return _Target(link.shape, Held.WEAK, None, ref)
    return None if ref is None else _Target(link.shape, Held.STRONG, None, ref)


def _look(target: _Target) -> Receiver | None:
    """The receiver, or None if it is dead."""
    if target.held is Held.STRONG:
        return target.handle  # type: ignore[no-any-return]
    if target.held is Held.WEAK:
        return target.handle()  # type: ignore[no-any-return]
    instance, function = (reference() for reference in target.handle)
    return None if instance is None or function is None else types.MethodType(function, instance)


def _alike(target: _Target) -> tuple[Shape, Held, int]:
    """What receivers that follow one another have in common if one loop can call them."""
    return target.shape, target.held, id(target.function)


def _gives(shape: Shape, mode: Mode) -> str:
    if not shape.is_async:
        return "value"
    return "coroutine" if mode.is_async else "refused"
