"""The changes that a registry logs: what each does to the tables when it is folded, and how to read past those pending.

All but `overlay` run under the folding lock. They may be interrupted by anything, but by no other of them. What is
folded may be folded again, in the same order: an interruption, or a fork in the middle of a fold, leaves it in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING
from typing import Any as Untyped

from pubsubclient.signals._engine.link import Link
from pubsubclient.signals._engine.table import Table

if TYPE_CHECKING:
    from pubsubclient.signals._engine.registry import Registry

__all__ = ["Change", "add", "drop", "forget", "overlay", "remove"]

#: One entry of the log: what to do, and to what.
Change = tuple[Callable[["Registry", Untyped], None], Untyped]


def overlay(links: Iterable[Link], sender: object, signal: Hashable, pending: Iterable[Change]) -> dict[Hashable, Link]:
    """What a cell holds once the pending changes are in it. They may be in it already, even overtaken by later ones."""
    found = {link.key: link for link in links}
    for action, subject in pending:
        if action is add and subject.signal == signal and subject.table.sender() is sender:
            present = found.get(subject.key)
            if present is None or present.sequence < subject.sequence:
                found[subject.key] = subject
        elif action is remove and found.get(key := subject.key) is subject:
            del found[key]
    return found


def add(registry: Registry, link: Link) -> None:
    table = link.table
    if table is not registry.any:
        sender = table.sender()  # held until the table is in: its death must find it there
        if sender is None and table.is_weak:
            link.claim()
            return
        # Another connect may have made a table for the same sender meanwhile.
        table = link.table = registry.tables.setdefault(table.sender_id, table)
    cell = table.cells.get(link.signal)
    if cell is None:
        cell = table.cells[link.signal] = {}
        registry.count_own(table, link.signal, 1)
    replaced = cell.get(link.key)
    if replaced is not None and replaced.sequence > link.sequence:
        link.claim()  # it came late, or is folded again: as in `overlay`, the younger one stays
        return
    cell[link.key] = link
    if replaced is not None and replaced is not link:
        replaced.claim()
    registry.forget_routes(table, link.signal)


def remove(registry: Registry, link: Link) -> None:
    table = link.table
    cell = table.cells.get(link.signal)
    if cell is None or cell.get(link.key) is not link:
        return  # replaced, or its sender is dead
    del cell[link.key]
    if not cell:
        del table.cells[link.signal]
        registry.count_own(table, link.signal, -1)
    registry.forget_routes(table, link.signal)
    if not table.cells and table is not registry.any:
        registry.forget_table(table)


def drop(registry: Registry, table: Table) -> None:
    while table.cells:
        signal, cell = table.cells.popitem()
        registry.count_own(table, signal, -1)
        for link in cell.values():
            link.claim()
    table.routes.clear()


def forget(registry: Registry, signal: Hashable) -> None:
    registry.forget_routes(registry.any, signal)
