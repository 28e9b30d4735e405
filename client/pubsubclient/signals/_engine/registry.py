"""The tables of connections, changed by any thread, read by every send, and never locked against anybody.

A change is first written to a log (appending to a list is atomic), then folded into the tables by whoever gets the
folding lock; nobody needs that lock to go on. So a finalizer that the garbage collector runs in the middle of a fold
can connect and disconnect: its change stays in the log until the fold it interrupted goes on. A reader takes the log
first and the tables after, and applies the one to the other; a change that has returned is in one of them.

The log is bounded: whoever finds it long waits a moment for the lock, so that who folds catches up, and then folds
what is left.

Routes are cached in the tables. The cache is used only while the log is empty, and written only under the folding lock
when nothing has changed since the route was read.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any as Untyped

from pubsubclient._fork import reset_in_child
from pubsubclient.signals._engine import changes
from pubsubclient.signals._engine.capture import Tap
from pubsubclient.signals._engine.changes import Change
from pubsubclient.signals._engine.compiler import Plan
from pubsubclient.signals._engine.link import Link
from pubsubclient.signals._engine.route import Route
from pubsubclient.signals._engine.table import Table
from pubsubclient.signals._engine.vanish import warn_vanished
from pubsubclient.signals.wildcard import Any

__all__ = ["EXACT", "Registry", "Table"]

#: Marks the cached routes of sends to exactly one sender and signal.
EXACT = object()

logger = logging.getLogger("pubsubclient.signals")
_by_sequence = attrgetter("sequence")
_by_priority = attrgetter("priority")

#: How many signals one table caches the routes of.
_MAX_ROUTES = 1024

#: With more changes than these in the log, who makes one waits for who folds them.
_MAX_PENDING = 1000
#: How long, at most. Who folds may be held up by a finalizer that itself waits for the one who waits here.
_PATIENCE_S = 0.01


class Registry:
    """All connections of one dispatcher."""

    def __init__(self, miss: Plan, changed: Callable[[], None]) -> None:
        #: What a send does that finds no plan.
        self.miss = miss
        #: Called for each change, once it is in the log.
        self._changed = changed
        #: Watchers of sends, see `taps`. A tapped signal is never cached.
        self.taps: list[Tap] = []
        #: Changes that are not in the tables yet.
        self.log: list[Change] = []
        #: {id of sender: table}, of the senders that have connections.
        self.tables: dict[int, Table] = {}
        #: The table of connections to any sender.
        self.any = Table(self, Any)
        #: {signal: how many senders have connections to it}, of those that have any.
        self._own: dict[Hashable, int] = {}
        #: Counts how often it was asked where a signal goes; routine sends do not ask.
        self.asked = 0
        #: Counts the changes that are in the tables.
        self.version = 0
        self._folding = threading.Lock()
        #: The thread that has the folding lock, 0 for none.
        self._folder = 0
        self._nowhere = Route((), miss)
        #: The tables in `tables` that may hold routes.
        self._warm: dict[int, Table] = {}
        reset_in_child(self)

    def after_fork(self) -> None:
        """Let a forked child fold: a thread that it does not have may hold the lock."""
        self._folding = threading.Lock()

    # -- changes -----------------------------------------------------------------------------------------------

    def table_for(self, sender: object) -> Table:
        """The table of a sender, a new one if it has no connections."""
        if sender is Any:
            return self.any
        return self.tables.get(id(sender)) or Table(self, sender)

    def add(self, link: Link) -> None:
        """Connect, in the place of a link with the same key."""
        self._change(changes.add, link)

    def remove(self, link: Link) -> bool:
        """Disconnect, and tell whether this call was the one that did it."""
        if not link.claim():
            return False
        self._change(changes.remove, link)
        return True

    def lost(self, link: Link) -> None:
        """Called when a receiver dies."""
        # Connecting empties the cache of routine sends, so the next send after it, of any signal, is counted.
        unheard = link.code if link.born == self.asked else None
        if self.remove(link) and unheard is not None:
            warn_vanished(unheard)

    def sender_died(self, sender_id: int, _reference: object = None) -> None:
        """Called when a sender dies, before its id can be reused.

        Taking the table out is one atomic step and does not go through the log, which another thread may be busy
        folding: once this returns, the id may belong to somebody else.
        """
        self._warm.pop(sender_id, None)
        table = self.tables.pop(sender_id, None)
        if table is not None:
            self._change(changes.drop, table)

    def count_own(self, table: Table, signal: Hashable, change: int) -> None:
        """Note that a sender has got its first connection to a signal, or lost its last. Only when folding."""
        if table is not self.any:
            count = self._own[signal] = self._own.get(signal, 0) + change
            if count == 0:
                del self._own[signal]

    def refresh(self, signal: Hashable) -> None:
        """Make the next send of a signal look again at what it does."""
        self._change(changes.forget, signal)

    def _change(self, action: Callable[[Registry, Untyped], None], subject: object) -> None:
        self.log.append((action, subject))
        self._changed()  # in this order, see `delivery`
        self.fold()

    def fold(self) -> None:
        """Move the log into the tables, unless somebody is doing it."""
        # Looking again after the release catches a change that came between the last look and the release.
        while self.log and self._take_lock():
            try:
                while self.log:
                    self._fold_pending()
            finally:
                self._release_lock()

    def _take_lock(self) -> bool:
        """Take the folding lock, and tell whether it was to be had."""
        taken = self._folding.acquire(blocking=False)
        # A finalizer that runs in the middle of a fold would wait for itself.
        if not taken and len(self.log) > _MAX_PENDING and self._folder != threading.get_ident():
            taken = self._folding.acquire(timeout=_PATIENCE_S)
        if taken:
            self._folder = threading.get_ident()
        return taken

    def _release_lock(self) -> None:
        self._folder = 0
        self._folding.release()

    def _fold_pending(self) -> None:
        """Fold what is in the log now. Only under the folding lock.

        All leave the log together, because taking the first entry off a list moves all others. Readers may find in the
        tables what is still in the log, and so may the next fold, if an interruption keeps it there; see `changes`.
        """
        done = 0
        try:
            for action, subject in tuple(self.log):
                try:
                    action(self, subject)
                except Exception:
                    # A signal whose __eq__ raises. Nothing may stay in the log for good.
                    logger.exception("a change of the signal tables failed")
                    if action is changes.add:
                        subject.claim()
                # In this order: a reader finds the change in the log until it is in the tables, and a route
                # read before the change was complete is not cached, because the version is another one.
                self.version += 1
                done += 1
        finally:
            del self.log[:done]

    def forget_table(self, table: Table) -> None:
        """Let go of a table that has become empty. Only under the folding lock."""
        if self.tables.get(table.sender_id) is table:
            # Nobody else puts a table in, so between the look and the removal it can only have gone.
            self.tables.pop(table.sender_id, None)
            self._warm.pop(table.sender_id, None)

    def forget_routes(self, table: Table, signal: Hashable) -> None:
        """Drop what is cached of a signal that a table has changed for. Only under the folding lock."""
        if signal is Any:
            table.routes.clear()
        else:
            table.routes.pop(signal, None)
            table.routes.pop((EXACT, signal), None)
        if table is self.any:
            # Every sender's routes include the connections to any sender. Each table is warmed by a send that costs
            # far more than this, so the loop is paid for.
            with contextlib.suppress(KeyError):  # a sender may die between the look and the removal
                while self._warm:
                    self._warm.popitem()[1].routes.clear()

    # -- reading -----------------------------------------------------------------------------------------------

    def route(self, signal: Hashable, sender: object, *, exact: bool = False) -> Route:
        """The way of a signal from a sender: from the cache, or made and if possible cached."""
        self.asked += 1
        name = (EXACT, signal) if exact else signal
        if not self.log:
            table = self.tables.get(id(sender), self.any)
            known = table.routes.get(name)
            # A sender without connections shares the table of any sender, but has no exact connections.
            if known is not None and not (exact and table is self.any and sender is not Any):
                return known
            if table is self.any and type(signal) is not str and signal not in table.cells and Any not in table.cells:
                return self._nowhere  # common, and not cached
        version = self.version
        links = self.matching(signal, sender, exact=exact)
        route = Route(links, self.miss) if links else self._nowhere
        self._keep(name, signal, sender, route, version)
        return route

    def is_tapped(self, signal: Hashable) -> bool:
        """Whether somebody watches or silences the sends of a signal."""
        return bool(self.taps) and any(tap.signal is signal for tap in tuple(self.taps))

    def is_split(self, signal: Hashable) -> bool:
        """Whether some senders have connections of their own to a signal."""
        return signal in self._own or Any in self._own

    def pins(self, signal: Hashable, table: Table) -> bool:
        """Whether a cache may hold a signal: it keeps none alive that no connection does, short of strings."""
        return type(signal) is str or signal in table.cells or signal in self.any.cells

    def _keep(self, name: Hashable, signal: Hashable, sender: object, route: Route, version: int) -> None:
        if self.log or not self._take_lock():
            return
        try:
            table = self.tables.get(id(sender), self.any)
            shared = table is self.any and sender is not Any
            if version == self.version and self.pins(signal, table) and not (shared and name is not signal):
                if len(table.routes) >= _MAX_ROUTES:
                    table.routes.clear()
                table.routes[name] = route
                if table is not self.any:
                    self._warm[table.sender_id] = table
        finally:
            self._release_lock()
            self.fold()  # a change may have come while the lock was taken

    def matching(self, signal: Hashable, sender: object, *, exact: bool = False) -> list[Link]:
        """The links that a signal from a sender goes to, in the order of the calls, each receiver once.

        The order: (sender, signal), (sender, Any), (Any, signal), (Any, Any), within these the order of connecting,
        and above all that the priority.
        """
        self.asked += 1
        pending = tuple(self.log)  # before the tables, see the module
        found: dict[Hashable, Link] = {}
        for place_sender in (sender,) if exact or sender is Any else (sender, Any):
            for place_signal in (signal,) if exact or signal is Any else (signal, Any):
                for link in self._at(place_sender, place_signal, pending):
                    found.setdefault(link.key, link)
        links = list(found.values())
        if any(link.priority for link in links):
            links.sort(key=_by_priority, reverse=True)  # stable, also in reverse
        return links

    def _at(self, sender: object, signal: Hashable, pending: tuple[Change, ...]) -> list[Link]:
        table = self.any if sender is Any else self.tables.get(id(sender))
        cell = table.cells.get(signal) if table is not None else None
        links = list(cell.values()) if cell else []  # one step of the interpreter
        if pending:
            links = list(changes.overlay(links, sender, signal, pending).values())
        # A link that replaced another has its place in the table, but its own time.
        links.sort(key=_by_sequence)
        return links

    def find(self, key: Hashable, signal: Hashable, sender: object) -> Link | None:
        """The link with a key at exactly this signal and sender."""
        pending = tuple(self.log)
        table = self.any if sender is Any else self.tables.get(id(sender))
        cell = table.cells.get(signal) if table is not None else None
        link = cell.get(key) if cell else None
        present = [] if link is None else [link]
        return changes.overlay(present, sender, signal, pending).get(key)
