"""Tell what a send would do, without sending."""

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
    """What one receiver would get."""

    #: The receiver's name, with file and line.
    receiver: str
    #: The signal it is connected to; `Any` for every signal.
    signal: Hashable
    #: Whether it is connected to any sender, and not to the one that would send.
    any_sender: bool
    #: Whether its connection leaves it free to die.
    weak: bool
    #: Whether it is disconnected by the first send that reaches it.
    once: bool
    priority: int
    #: Whether it has to be awaited.
    is_async: bool
    #: The names that would be passed.
    passed: tuple[str, ...]
    #: The names that it does not take.
    dropped: tuple[str, ...]
    #: The names without which the call fails. None are missing if arguments by position may fill them.
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
    """The receivers of a send, in the order of the calls. As text, a line or more for each."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self)) if self else "nobody would get it"


def explain(signal: Hashable = Any, sender: object = Anonymous, *arguments: object, **named: object) -> Explanation:
    """Tell who would get a signal, and which arguments would be passed to whom. Call it as you would call `send`."""
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
        # Every receiver is offered the signal and the sender, so it is no news that it does not take them.
        dropped=tuple(name for name in named if name not in passed),
        missing=tuple(name for name in shape.required if name not in passed and name not in by_position),
    )
