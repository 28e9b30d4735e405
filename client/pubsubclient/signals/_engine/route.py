"""The route of a signal from a sender: its links in order, and the plans (compiled functions) that call the receivers.

A plan is made for the names of the arguments of a send. The first sends with new names use a general plan, which looks at
each receiver's shape during the call. If the names recur, a plan is compiled for them. A plan whose text is compiled
already is used at once.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Hashable, Iterable
from itertools import groupby
from typing import Any as Untyped
from typing import NamedTuple

from pubsubclient.signals._engine.compiler import Plan, cached, compiled, refuse
from pubsubclient.signals._engine.link import Link
from pubsubclient.signals._engine.signature import Receiver, Shape
from pubsubclient.signals._engine.source import Access, Mode, Run, Text, arguments_text

__all__ = ["Route"]

#: How many sends with the same names use the general plan before one is compiled.
_COLD_SENDS = 2
#: The most plans that a route keeps, and the most sets of names that it counts.
_MAX_PLANS = 64
#: The arguments of a call in the text of a general plan.
_GENERAL_ARGUMENTS = "(*shape.leading(sent), *arguments, **shape.select(sent))"
#: With more runs than this, the text would be too long to be worth compiling.
_MAX_RUNS = 200


class Route:
    """The links of one signal and sender, and the plans made for them.

    Args:
        links: the links, in the order of the calls
        miss: called by a plan that gets other arguments than it was made for
    """

    __slots__ = ("_plans", "_seen", "_targets", "_universe", "links", "miss")

    def __init__(self, links: Iterable[Link], miss: Plan) -> None:
        self.links = tuple(links)
        self.miss = miss
        # A dict, unlike a set, has its names in a fixed order.
        universe = dict.fromkeys(name for shape in {link.shape for link in self.links} for name in shape.by_name)
        self._universe = tuple(sorted(universe.keys() - {"signal", "sender"}))
        self._plans: dict[Hashable, Plan] = {}
        self._seen: dict[Hashable, int] = {}
        # The references are read once, here: a link that ends later has no reference any more.
        self._targets = [target for link in self.links if (target := _target(link)) is not None]

    def plan(self, mode: Mode, given: int, named: dict[str, object]) -> tuple[Plan, bool]:
        """Return the plan for a send, and whether other sends may use it, because it checks its arguments.

        Args:
            mode: the way to send
            given: the number of arguments given by position
            named: the arguments given by name

        Raises:
            AsyncReceiverError: the mode is SEND and a receiver is async; no receiver has been called
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
        bind = cached(text)
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
        for _, members in groupby(self._targets, key=_run_key):
            targets = tuple(members)
            shape, access, function, handle = targets[0]
            single = len(targets) == 1
            if single:
                groups.append(handle)
            elif access is Access.METHOD:
                access = Access.SIBLINGS
                groups.append((function, tuple([target.handle[0] for target in targets])))
            else:
                groups.append(tuple([target.handle for target in targets]))
            runs.append(Run(access, arguments_text(shape, given, names), single, _result(shape, mode)))
        return tuple(runs), tuple(groups)

    def _general(self, mode: Mode) -> Plan:
        runs, groups = [], []
        for result, members in groupby(self._targets, key=lambda target: _result(target.shape, mode)):
            runs.append(Run(Access.GENERIC, _GENERAL_ARGUMENTS, single=False, result=result))
            groups.append(tuple([(functools.partial(_resolve, target), target.shape) for target in members]))
        text = Text(mode, (), (), guarded=False, exact=False, runs=tuple(runs))
        return compiled(text)(tuple(groups), self.miss)


class _Target(NamedTuple):
    """How one receiver is called."""

    shape: Shape
    access: Access
    #: For a method: a weak reference to its function, the same object for all methods of the function. Else None.
    function: object
    #: The receiver or its reference, in the form that `access` needs.
    handle: Untyped


def _target(link: Link) -> _Target | None:
    """Return how a link's receiver is called, or None if the link has ended."""
    ref, func = link.ref, link.func
    if link.once:
        # `consume` is called like a weak reference, and returns the receiver or None.
        return _Target(link.shape, Access.WEAK, None, link.consume)
    if func is not None:
        # Python has one weak reference without a callback per object, so the methods of one function share it.
        function = func()
        plain = None if function is None else weakref.ref(function)
        return None if plain is None else _Target(link.shape, Access.METHOD, plain, (ref, plain))
    if link.weak:
        return _Target(link.shape, Access.WEAK, None, ref)
    return None if ref is None else _Target(link.shape, Access.STRONG, None, ref)


def _resolve(target: _Target) -> Receiver | None:
    """Return the receiver, or None if it is dead."""
    if target.access is Access.STRONG:
        return target.handle  # type: ignore[no-any-return]
    if target.access is Access.WEAK:
        return target.handle()  # type: ignore[no-any-return]
    instance, function = (reference() for reference in target.handle)
    return None if instance is None or function is None else types.MethodType(function, instance)


def _run_key(target: _Target) -> tuple[Shape, Access, int]:
    """Return the key that consecutive receivers share if one loop can call them."""
    return target.shape, target.access, id(target.function)


def _result(shape: Shape, mode: Mode) -> str:
    if not shape.is_async:
        return "value"
    return "coroutine" if mode.is_async else "refused"
