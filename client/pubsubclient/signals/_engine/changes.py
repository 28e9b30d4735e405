"""The changes in a registry's log: how each is folded into the tables, and how readers apply the pending ones.

All functions but `overlay` run under the folding lock, so they do not interrupt each other, but anything else may interrupt
them. They are idempotent: a change may be folded again, in the same order, because an interruption, or a fork of the
process in the middle of a fold, leaves it in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any as Untyped
from typing import Protocol

from pubsubclient.signals._engine.link import Link, Table

__all__ = ["Change", "Tables", "add", "drop", "forget", "overlay", "remove"]


class Tables(Protocol):
    """The registry, as the changes see it. All of it needs the folding lock."""

    #: The table of connections to any sender.
    any: Table
    #: {id of sender: table}
    tables: dict[int, Table]

    def count_own(self, table: Table, signal: Hashable, change: int) -> None:
        """Count a sender that got its first connection to a signal (+1) or lost its last (-1)."""

    def forget_routes(self, table: Table, signal: Hashable) -> None:
        """Drop the cached routes that depend on a table's connections to a signal."""

    def forget_table(self, table: Table) -> None:
        """Drop a table that has become empty."""


#: One entry of the log: the function that folds it, and its argument.
Change = tuple[Callable[[Tables, Untyped], None], Untyped]


def overlay(links: Iterable[Link], sender: object, signal: Hashable, pending: Iterable[Change]) -> dict[Hashable, Link]:
    """Apply pending changes to the links of a cell. The cell may contain them already, and even later ones."""
    found = {link.key: link for link in links}
    for action, subject in pending:
        if action is add and subject.signal == signal and subject.table.sender() is sender:
            present = found.get(subject.key)
            if present is None or present.sequence < subject.sequence:
                found[subject.key] = subject
        elif action is remove and found.get(key := subject.key) is subject:
            del found[key]
    return found


def add(registry: Tables, link: Link) -> None:
    """Put a link into its cell. A younger link with the same key wins, and the other one is ended."""
    table = link.table
    if table is not registry.any:
        sender = (
            table.sender()
        )  # held until the table is added: if the sender dies after that, `sender_died` finds the table
        if sender is None and table.is_weak:
            link.claim()
            return
        # Another connect may have added a table for the same sender meanwhile.
        table = link.table = registry.tables.setdefault(table.sender_id, table)
    cell = table.cells.get(link.signal)
    if cell is None:
        cell = table.cells[link.signal] = {}
        registry.count_own(table, link.signal, 1)
    replaced = cell.get(link.key)
    if replaced is not None and replaced.sequence > link.sequence:
        link.claim()  # logged late or folded again; as in `overlay`, the younger one stays
        return
    cell[link.key] = link
    if replaced is not None and replaced is not link:
        replaced.claim()
    registry.forget_routes(table, link.signal)


def remove(registry: Tables, link: Link) -> None:
    """Take a link out of its cell, and drop a cell or table that becomes empty."""
    table = link.table
    cell = table.cells.get(link.signal)
    if cell is None or cell.get(link.key) is not link:
        return  # the link was replaced, or its sender has died
    del cell[link.key]
    if not cell:
        del table.cells[link.signal]
        registry.count_own(table, link.signal, -1)
    registry.forget_routes(table, link.signal)
    if not table.cells and table is not registry.any:
        registry.forget_table(table)


def drop(registry: Tables, table: Table) -> None:
    """End all links of a sender that has died."""
    while table.cells:
        signal, cell = table.cells.popitem()
        registry.count_own(table, signal, -1)
        for link in cell.values():
            link.claim()
    table.routes.clear()


def forget(registry: Tables, signal: Hashable) -> None:
    """Drop the cached routes of a signal."""
    registry.forget_routes(registry.any, signal)
