"""Explains what a send would do, without sending."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from pubsubclient.signals._engine.link import Link
from pubsubclient.signals._engine.origin import describe
from pubsubclient.signals._engine.send import REGISTRY
from pubsubclient.signals.wildcard import Anonymous, Any

__all__ = ["Delivery", "Explanation", "explain"]


@dataclass(frozen=True)
class Delivery:
    """What one receiver would get from a send."""

    #: The receiver's name, with file and line.
    receiver: str
    #: The signal it is connected to; `Any` for every signal.
    signal: Hashable
    #: Whether it is connected to any sender, not to the one that would send.
    any_sender: bool
    #: Whether its connection is weak, so that the receiver may die.
    weak: bool
    #: Whether the first send that reaches it disconnects it.
    once: bool
    #: Receivers with a higher priority are called first.
    priority: int
    #: Whether the receiver is async, so that only `asend` can call it.
    is_async: bool
    #: The names of the arguments that it would get.
    passed: tuple[str, ...]
    #: The names of the arguments that it does not take.
    dropped: tuple[str, ...]
    #: The required names that the send does not give, so that the call would fail.
    missing: tuple[str, ...]

    def __str__(self) -> str:
        traits = ["weak" if self.weak else "strong"]
        traits += [name for name, holds in (("once", self.once), ("async", self.is_async)) if holds]
        traits += [f"priority {self.priority}"] if self.priority else []
        lines = [f"{self.receiver}: {', '.join(traits)}"]
        lines.append(f"    connected to signal {self.signal!r} of {'any sender' if self.any_sender else 'this sender'}")
        for what, names in (("passed", self.passed), ("dropped", self.dropped), ("MISSING", self.missing)):
            if names:
                lines.append(f"    {what}: {', '.join(names)}")
        return "\n".join(lines)


class Explanation(tuple[Delivery, ...]):
    """The receivers of a send, in the order of the calls. ``str()`` of it has a few lines for each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self)) if self else "no receiver would be called"


def explain(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Explanation:
    """Return which receivers a send would call, with which arguments. Takes the same arguments as `send`."""
    links = REGISTRY.matching(signal, sender)
    return Explanation(_delivery(link, len(arguments), named) for link in links if link.resolve() is not None)


def _delivery(link: Link, given: int, named: dict[str, object]) -> Delivery:
    shape = link.shape
    sent = {"signal": None, "sender": None, **named}
    passed = (*(["sender"] if shape.sender_first else []), *shape.select(sent))
    by_position = shape.positional[:given]
    receiver = link.resolve()
    return Delivery(
        receiver="a receiver that has just died" if receiver is None else describe(receiver),
        signal=link.signal,
        any_sender=link.table is REGISTRY.any,
        weak=link.weak,
        once=link.once,
        priority=link.priority,
        is_async=shape.is_async,
        passed=passed,
        # `named`, not `sent`: every receiver is offered signal and sender, and most take neither.
        dropped=tuple(name for name in named if name not in passed),
        missing=tuple(name for name in shape.required if name not in passed and name not in by_position),
    )
