"""The ways to send, over the one registry of the process.

`send` is as short as it can be: it finds a function in one look-up and runs it. All that is not routine goes through
`deliver`.

The functions are kept in `_hot`, which every change replaces by an empty dictionary once the change is in the log.
A function is kept only in a dictionary that was current before the log was found empty, and before the function was
made: what was made too early goes into a dictionary that nobody uses any more. So `send` need not look whether what it
finds is valid. A signal that some senders have connections of their own to gets a function that looks at the sender.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any as Untyped

from pubsubclient.signals._engine.capture import Captured
from pubsubclient.signals._engine.compiler import Plan
from pubsubclient.signals._engine.link import Receiver
from pubsubclient.signals._engine.registry import Registry
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


#: {signal: function}; and {(_CHOICE, signal): what the function chooses from}
_hot: dict[Hashable, Untyped] = {}
_CHOICE = object()
_MAX_HOT = 2048


def _changed() -> None:
    global _hot
    _hot = {}


#: The connections of this process.
REGISTRY = Registry(_miss, _changed)


#: A parameter that may be given by name all the same, see `send`.
BY_NAME: Untyped = object()


def send(signal: Hashable = BY_NAME, sender: object = BY_NAME, /, *arguments: object, **named: object) -> Responses:
    """Send a signal to all receivers connected to it.

    Both parameters can be given by name, too, and default to `Any` and `Anonymous`. To Python they are positional only
    because it compares the name of every argument with those of all other parameters: a fifth of the time of a send.

    Args:
        signal: What is sent. With `Any`, only receivers of any signal get it.
        sender: Who sends. With `Any`, only receivers of any sender get it.
        *arguments: Passed to every receiver, by position.
        **named: Passed to each receiver as far as it takes them, as are `signal` and `sender`.

    Returns:
        ``[(receiver, response)]`` in the order of the calls: first those connected to this sender and signal, then
        to this sender and any signal, to any sender and this signal, to any of both; within these in the order of
        connecting, and before all that by priority. Each receiver is called once.

    Raises:
        AsyncReceiverError: If a receiver is async. No receiver has been called then.
        Exception: What a receiver raises, with a note that names the receiver; those after it are not called.
    """
    if sender is BY_NAME:
        sender = named.pop("sender", Anonymous)
        if signal is BY_NAME:
            signal = named.pop("signal", Any)
    try:
        plan = _hot[signal]
    except KeyError:
        pass  # what is called is called outside of the handler, or its errors would show this one as their context
    else:
        return plan(signal, sender, arguments, named)  # type: ignore[no-any-return]
    return deliver(Mode.SEND, signal, sender, arguments, named)  # type: ignore[no-any-return]


def send_exact(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send to the receivers connected to exactly this sender and signal, not to those connected to `Any`."""
    return deliver(Mode.SEND, signal, sender, arguments, named, exact=True)  # type: ignore[no-any-return]


def send_robust(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send, and take the error of a receiver (any `Exception`) for its response. All receivers are called.

    The response of an async receiver is an `AsyncReceiverError`.
    """
    return deliver(Mode.ROBUST, signal, sender, arguments, named)  # type: ignore[no-any-return]


async def asend(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Responses:
    """Send, and await async receivers. Receivers run one after the other, in the same order as in `send`."""
    return await deliver(Mode.ASEND, signal, sender, arguments, named)  # type: ignore[no-any-return]


async def asend_robust(
    signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object
) -> Responses:
    """Send as `asend` does, and take the error of a receiver for its response."""
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
    """Send in any way. Returns responses, or a coroutine that gives them if the mode is async."""
    if "signal" in named or "sender" in named:
        message = "signal and sender can be given only once"
        raise TypeError(message)
    hot = _hot  # before the log, see the module
    keeps = not (exact or REGISTRY.log)
    tapped = REGISTRY.is_tapped(signal)
    if tapped and _tap(signal, Captured(sender, arguments, named)):
        return _nothing() if mode.is_async else []
    route = REGISTRY.route(signal, sender, exact=exact)
    if not route.links and type(signal) is not str:
        return _nothing() if mode.is_async else []  # no function could be kept
    plan, reusable = route.plan(mode, len(arguments), named)
    if reusable and keeps and not tapped:
        _keep(hot, signal, sender, plan)
    return plan(signal, sender, arguments, named)


def _tap(signal: Hashable, captured: Captured) -> bool:
    """Let the taps of a signal see a send, and tell whether it is muted."""
    taps = [tap for tap in tuple(REGISTRY.taps) if tap.signal is signal]
    for tap in taps:
        if tap.sink is not None:
            tap.sink.append(captured)
    return any(tap.sink is None for tap in taps)


def _keep(hot: dict[Hashable, Untyped], signal: Hashable, sender: object, plan: Plan) -> None:
    """Let later sends use a function. All senders without connections of their own share one."""
    table = REGISTRY.tables.get(id(sender), REGISTRY.any)
    if not REGISTRY.pins(signal, table):
        return
    if len(hot) >= _MAX_HOT:
        hot.clear()
    if not REGISTRY.is_split(signal):
        hot[signal] = plan
        return
    plans = hot.setdefault((_CHOICE, signal), {})
    plans[None if table is REGISTRY.any else id(sender)] = plan
    hot[signal] = _split(plans)


def _split(plans: dict[int | None, Plan]) -> Plan:
    """A function that chooses another by the sender.

    Args:
        plans: {id of sender, or None for senders without connections: function}. The ids are those of senders that
            live: the death of one is a change.
    """
    plan_of = plans.get
    tables = REGISTRY.tables

    def split(signal: Hashable, sender: object, arguments: tuple[object, ...], named: dict[str, object]) -> Untyped:
        plan = plan_of(id(sender))
        if plan is None:
            plan = _miss if id(sender) in tables else plan_of(None, _miss)
        return plan(signal, sender, arguments, named)

    return split


def needs_await(signal: Hashable, sender: object) -> bool:
    """Whether a send would meet an async receiver."""
    return any(link.shape.is_async for link in REGISTRY.matching(signal, sender) if link.resolve() is not None)


async def _nothing() -> Responses:
    return []
