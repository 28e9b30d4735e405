"""The expressions that a subscription's filters are made of, as they are evaluated for an event's attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

__all__ = ["All", "AnyOf", "Compare", "Node", "Not", "Values"]

#: an event's attributes: the topic first, then those that the filter names; None where one is missing
Values = Sequence[str | int | None]


class Node(Protocol):
    """A filter expression."""

    def accepts(self, values: Values) -> bool:
        """Whether it is true of an event."""

    def refusing(self, values: Values) -> str:
        """The path of the first clause that makes it false; asked only of an event that it does not accept."""


class Compare(NamedTuple):
    """One attribute against a text."""

    path: str
    place: int
    text: str
    holds: Callable[[str, str], bool]

    def accepts(self, values: Values) -> bool:
        value = values[self.place]
        if type(value) is not str:
            if value is None:
                return False
            value = str(value).lower()  # as CloudEvents writes integers and booleans
        return self.holds(value, self.text)

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path


class All(NamedTuple):
    """True if every one of its filters is."""

    nodes: Sequence[Node]

    def accepts(self, values: Values) -> bool:
        for node in self.nodes:  # noqa: SIM110 - faster than all(), and run for every event
            if not node.accepts(values):
                return False
        return True

    def refusing(self, values: Values) -> str:
        return next(node.refusing(values) for node in self.nodes if not node.accepts(values))


class AnyOf(NamedTuple):
    """True if one of its filters is."""

    path: str
    nodes: Sequence[Node]

    def accepts(self, values: Values) -> bool:
        for node in self.nodes:  # noqa: SIM110 - the same
            if node.accepts(values):
                return True
        return False

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path


class Not(NamedTuple):
    """True if its filter is not, so also of an event that lacks the attribute."""

    path: str
    node: Node

    def accepts(self, values: Values) -> bool:
        return not self.node.accepts(values)

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path
