"""The expression tree of a subscription's filters, evaluated on an event's attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

__all__ = ["All", "AnyOf", "Compare", "Node", "Not", "Values"]

#: the topic, then the values of the attributes that the filter names; None for a missing attribute
Values = Sequence[str | int | None]


class Node(Protocol):
    """A filter expression."""

    def accepts(self, values: Values) -> bool:
        """Whether the expression is true for an event."""

    def refusing(self, values: Values) -> str:
        """Return the path of the first clause that is false; call it only for an event that is not accepted."""


class Compare(NamedTuple):
    """Compares one attribute with a text; false for an event without the attribute."""

    path: str
    #: index of the attribute's value in `Values`
    value_index: int
    text: str
    holds: Callable[[str, str], bool]

    def accepts(self, values: Values) -> bool:
        value = values[self.value_index]
        if type(value) is not str:
            if value is None:
                return False
            value = str(value).lower()  # the string form of integers and booleans in CloudEvents
        return self.holds(value, self.text)

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path


class All(NamedTuple):
    """True if all its filters are true."""

    nodes: Sequence[Node]

    def accepts(self, values: Values) -> bool:
        for node in self.nodes:  # noqa: SIM110 - faster than all(), and run for every event
            if not node.accepts(values):
                return False
        return True

    def refusing(self, values: Values) -> str:
        return next(node.refusing(values) for node in self.nodes if not node.accepts(values))


class AnyOf(NamedTuple):
    """True if at least one of its filters is true."""

    path: str
    nodes: Sequence[Node]

    def accepts(self, values: Values) -> bool:
        for node in self.nodes:  # noqa: SIM110 - faster than any()
            if node.accepts(values):
                return True
        return False

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path


class Not(NamedTuple):
    """True if its filter is false; so also for an event without the attribute."""

    path: str
    node: Node

    def accepts(self, values: Values) -> bool:
        return not self.node.accepts(values)

    def refusing(self, values: Values) -> str:  # noqa: ARG002
        return self.path
