"""The functions that send signals, over the process's one registry.

`send` is the fast path: one look-up finds a plan (a compiled function), and calling the plan calls the receivers. Every
other case goes through `deliver`.

Plans are cached in the dictionary `_hot`. Every change of the connections replaces it by an empty one, after the change
was logged. `deliver` takes the current dictionary first, then checks that the log is empty, then makes the plan, and caches
it in the dictionary it took. A plan that a change has made stale is thus stored in a dictionary that is no longer in use,
and `send` need not check that a cached plan is valid. If some senders have connections of their own to a signal, its plan
chooses another plan by the sender.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any as Untyped

from pubsubclient.signals._engine.capture import Captured
from pubsubclient.signals._engine.compiler import Plan
from pubsubclient.signals._engine.registry import Registry
from pubsubclient.signals._engine.signature import Receiver
from pubsubclient.signals._engine.source import Mode
from pubsubclient.signals.wildcard import Anonymous, Any

__all__ = [
    "REGISTRY",
    "Responses",
    "asend",
    "asend_robust",
    "deliver",
    "needs_await",
    "send",
    "send_exact",
    "send_robust",
]

#: What a send returns: each receiver with its response, in the order of the calls.
Responses = list[tuple[Receiver, Untyped]]


def _miss(signal: Hashable, sender: object, arguments: tuple[object, ...], named: dict[str, object]) -> Untyped:
    return deliver(Mode.SEND, signal, sender, arguments, named)


#: {signal: plan}, and {(_CHOICE, signal): {id of sender or None: plan}} for signals whose plan depends on the sender
_hot: dict[Hashable, Untyped] = {}
_CHOICE = object()
_MAX_HOT = 2048


def _changed() -> None:
    global _hot
    _hot = {}


#: The connections of this process.
REGISTRY = Registry(_miss, _changed)


#: The default of a positional-only parameter that a call may also give by name, see `send`.
BY_NAME: Untyped = object()


def send(signal: Hashable = BY_NAME, sender: object = BY_NAME, /, *arguments: object, **named: object) -> Responses:
    """Send a signal to all receivers connected to it.

    Signal and sender can also be given by name, and default to `Any` and `Anonymous`. They are declared positional-only
    for speed: Python would compare the name of every argument with theirs, which takes a fifth of the time of a send.

    Args:
        signal: the signal; with `Any`, only receivers connected to any signal get it
        sender: the sender; with `Any`, only receivers connected to any sender get it
        *arguments: passed to every receiver, by position
        **named: passed to each receiver that has a parameter of the name, as are `signal` and `sender`

    Returns:
        ``[(receiver, response)]`` in the order of the calls: by priority; then receivers connected to this sender and
        signal, to this sender and any signal, to any sender and this signal, to any sender and any signal; then in the
        order of connecting. Each receiver is called once

    Raises:
        AsyncReceiverError: a receiver is async; no receiver has been called
        Exception: raised by a receiver, with a note that names the receiver; later receivers are not called
    """
    if sender is BY_NAME:
        sender = named.pop("sender", Anonymous)
        if signal is BY_NAME:
            signal = named.pop("signal", Any)
    try:
        plan = _hot[signal]
    except KeyError:
        pass  # receivers are called outside of this handler, or their errors would show the KeyError as their context
    else:
        return plan(signal, sender, arguments, named)  # type: ignore[no-any-return]
    return deliver(Mode.SEND, signal, sender, arguments, named)  # type: ignore[no-any-return]


def send_exact(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send to the receivers connected to exactly this sender and signal, not to those connected to `Any`."""
    return deliver(Mode.SEND, signal, sender, arguments, named, exact=True)  # type: ignore[no-any-return]


def send_robust(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send to all receivers. The error that a receiver raises (any `Exception`) becomes its response.

    The response of an async receiver is an `AsyncReceiverError`.
    """
    return deliver(Mode.ROBUST, signal, sender, arguments, named)  # type: ignore[no-any-return]


async def asend(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send, and await async receivers. Receivers run one after the other, in the order of `send`."""
    return await deliver(Mode.ASEND, signal, sender, arguments, named)  # type: ignore[no-any-return]


async def asend_robust(
    signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object
) -> Responses:
    """Send as `asend` does. The error that a receiver raises becomes its response."""
    return await deliver(Mode.AROBUST, signal, sender, arguments, named)  # type: ignore[no-any-return]


def deliver(
    mode: Mode,
    signal: Hashable,
    sender: object,
    arguments: tuple[object, ...],
    named: dict[str, object],
    *,
    exact: bool = False,
) -> Untyped:
    """Send in the given mode. Return the responses, or for an async mode a coroutine that returns them."""
    if "signal" in named or "sender" in named:
        raise TypeError("signal and sender can be given only once")
    hot = _hot  # before the log, see the module
    may_cache = not (exact or REGISTRY.log)
    captured = REGISTRY.is_captured(signal)
    if captured and _capture(signal, Captured(sender, arguments, named)):
        return _nothing() if mode.is_async else []
    route = REGISTRY.route(signal, sender, exact=exact)
    if not route.links and type(signal) is not str:
        return _nothing() if mode.is_async else []  # common, and without a signal that a cache may hold
    plan, reusable = route.plan(mode, len(arguments), named)
    if reusable and may_cache and not captured:
        _cache(hot, signal, sender, plan)
    return plan(signal, sender, arguments, named)


def _capture(signal: Hashable, captured: Captured) -> bool:
    """Add a send to the lists of the blocks that capture its signal, and return whether the signal is muted."""
    captures = [capture for capture in tuple(REGISTRY.captures) if capture.signal is signal]
    for capture in captures:
        if capture.sink is not None:
            capture.sink.append(captured)
    return any(capture.sink is None for capture in captures)


def _cache(hot: dict[Hashable, Untyped], signal: Hashable, sender: object, plan: Plan) -> None:
    """Cache a plan for later sends. All senders without connections of their own share one plan."""
    table = REGISTRY.tables.get(id(sender), REGISTRY.any)
    if not REGISTRY.may_cache(signal, table):
        return
    if len(hot) >= _MAX_HOT:
        hot.clear()
    if not REGISTRY.is_split(signal):
        hot[signal] = plan
        return
    plans = hot.setdefault((_CHOICE, signal), {})
    plans[None if table is REGISTRY.any else id(sender)] = plan
    hot[signal] = _choice(plans)


def _choice(plans: dict[int | None, Plan]) -> Plan:
    """Return a plan that chooses another plan by the sender.

    Args:
        plans: {id of sender, or None for senders without connections: plan}; all ids are of living senders, because the
            death of a sender is a change, which empties the cache
    """
    plan_of = plans.get
    tables = REGISTRY.tables

    def choose(signal: Hashable, sender: object, arguments: tuple[object, ...], named: dict[str, object]) -> Untyped:
        plan = plan_of(id(sender))
        if plan is None:
            plan = _miss if id(sender) in tables else plan_of(None, _miss)
        return plan(signal, sender, arguments, named)

    return choose


def needs_await(signal: Hashable, sender: object) -> bool:
    """Whether a send would call an async receiver."""
    return any(link.shape.is_async for link in REGISTRY.matching(signal, sender) if link.resolve() is not None)


async def _nothing() -> Responses:
    return []
