"""Where a signal of a sender goes: the receivers in order, and the functions that call them.

A function is made for the arguments that are sent. The first sends with new arguments use a general one that asks
each receiver's shape at the call; only if they come again is one compiled, unless one of the same text is there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import groupby

from .codegen import (
    GENERIC_ARGUMENTS,
    Held,
    Mode,
    Plan,
    Run,
    Text,
    arguments_text,
    bind,
    compile_text,
    compiled,
    refuse,
)
from .link import Link
from .shape import Shape

__all__ = ["Route"]

#: How often the general function is used before one is compiled.
_COLD_SENDS = 2
#: How many functions a route keeps, and how many kinds of arguments it counts.
_MAX_PLANS = 64
#: Above this, a function would be longer than it is worth.
_MAX_RUNS = 200


class Route:
    """The links of one signal and sender, and the functions made for them.

    Args:
        links: In the order of the calls.
        miss: What a function does that meets other arguments than it was made for.
    """

    __slots__ = ("_plans", "_seen", "_universe", "links", "miss")

    def __init__(self, links: Iterable[Link], miss: Plan) -> None:
        self.links = tuple(links)
        self.miss = miss
        # A dict, to have the names in a fixed order.
        universe = dict.fromkeys(name for shape in {link.shape for link in self.links} for name in shape.by_name)
        self._universe = tuple(sorted(universe.keys() - {"signal", "sender"}))
        self._plans: dict[Hashable, Plan] = {}
        self._seen: dict[Hashable, int] = {}
        for link in self.links:
            link.routed = True

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
        key = (mode, given, names)
        plan = self._plans.get(key)
        if plan is None:
            if mode is Mode.SEND:
                self._refuse_async()
            plan = self._make(key, mode, given, names)
        return plan, mode is Mode.SEND and not given and key in self._plans

    def _refuse_async(self) -> None:
        for link in self.links:
            if link.shape.is_async and (receiver := link.resolve()) is not None:
                raise refuse(receiver, link.signal)

    def _make(self, key: Hashable, mode: Mode, given: int, names: tuple[str, ...]) -> Plan:
        runs, groups = self._runs(mode, given, names)
        guarded = mode is Mode.SEND and not given
        absent = tuple(name for name in self._universe if name not in names) if guarded else ()
        text = Text(mode, given, names, absent, guarded, runs)
        code = compiled(text)
        if code is None:
            if len(self._seen) >= _MAX_PLANS:
                self._seen.clear()
            seen = self._seen[key] = self._seen.get(key, 0) + 1
            if seen <= _COLD_SENDS or len(runs) > _MAX_RUNS:
                return self._general(mode)
            code = compile_text(text)
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[key] = bind(code, groups, self.miss)
        return plan

    def _runs(self, mode: Mode, given: int, names: tuple[str, ...]) -> tuple[tuple[Run, ...], object]:
        runs: list[Run] = []
        groups: list[object] = []
        for (shape, way, _), members in groupby(self.links, key=_alike):
            links = tuple(members)
            lone = len(links) == 1
            held = Held.SIBLINGS if way is Held.METHOD and not lone else way
            runs.append(Run(held, arguments_text(shape, given, names), lone, _gives(shape, mode)))
            groups.append(_group(held, links))
        return tuple(runs), groups[0] if len(groups) == 1 else tuple(groups)

    def _general(self, mode: Mode) -> Plan:
        runs, groups = [], []
        for gives, members in groupby(self.links, key=lambda link: _gives(link.shape, mode)):
            runs.append(Run(Held.GENERIC, GENERIC_ARGUMENTS, lone=False, gives=gives))
            groups.append(tuple([(link.take if link.once else link.resolve, link.shape) for link in members]))
        text = Text(mode, 0, (), (), guarded=False, runs=tuple(runs))
        return bind(compiled(text) or compile_text(text), groups[0] if len(groups) == 1 else tuple(groups), self.miss)


def _alike(link: Link) -> tuple[Shape, Held, int]:
    """What links that follow one another have in common if one loop can call them."""
    if link.once:
        return link.shape, Held.WEAK, 0
    if link.func is not None:
        return link.shape, Held.METHOD, id(link.func())
    return link.shape, Held.WEAK if link.weak else Held.STRONG, 0


def _group(held: Held, links: tuple[Link, ...]) -> object:
    """The handles of a run's receivers."""
    if held is Held.METHOD:
        return links[0].ref, links[0].func
    if held is Held.SIBLINGS:
        return links[0].func, tuple([link.ref for link in links])
    # Taking a receiver that is called once looks like looking at a weak reference: the receiver, or None.
    handles = tuple([link.take if link.once else link.ref for link in links])
    return handles[0] if len(handles) == 1 else handles


def _gives(shape: Shape, mode: Mode) -> str:
    if not shape.is_async:
        return "value"
    return "coroutine" if mode.is_async else "refused"
