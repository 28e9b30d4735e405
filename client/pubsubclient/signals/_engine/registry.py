"""The tables of connections: any thread changes them, every send reads them, and readers never lock.

A change is first appended to a log (appending to a list is atomic). The thread that gets the folding lock then folds the
log into the tables; a thread that does not get the lock continues without it. So a finalizer that the garbage collector
runs in the middle of a fold can connect and disconnect: its change stays in the log until the interrupted fold continues.
A reader copies the log first, reads the tables after, and applies the copy to what it read. A change whose call has
returned is in one of the two.

The log is bounded: a thread that finds it too long waits briefly for the lock, so that the folding thread can catch up,
and then folds the rest.

Routes are cached in the tables. A cached route is used only while the log is empty. A route is cached only under the
folding lock, and only if nothing has changed since it was computed.
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
from pubsubclient.signals._engine.capture import Capture
from pubsubclient.signals._engine.changes import Change, Tables
from pubsubclient.signals._engine.compiler import Plan
from pubsubclient.signals._engine.link import Link, Table
from pubsubclient.signals._engine.route import Route
from pubsubclient.signals._engine.vanish import warn_vanished
from pubsubclient.signals.wildcard import Any

__all__ = ["EXACT", "Registry", "Table"]

#: Marks the keys of cached routes for `send_exact`, which leaves out connections to `Any`.
EXACT = object()

_log = logging.getLogger("pubsubclient.signals")
_by_sequence = attrgetter("sequence")
_by_priority = attrgetter("priority")

#: The most routes that one table caches.
_MAX_ROUTES = 1024

#: With more changes than this in the log, a thread that makes a change waits for the folding lock.
_MAX_PENDING = 1000
#: The longest such wait, seconds. It is bounded because the folding thread may run a finalizer that waits for this thread.
_LOCK_TIMEOUT_S = 0.01


class Registry:
    """All connections of one dispatcher."""

    def __init__(self, miss: Plan, changed: Callable[[], None]) -> None:
        #: The plan of a send that finds no cached plan.
        self.miss = miss
        #: Called for each change, once it is in the log.
        self._changed = changed
        #: The open blocks that capture or mute a signal. Plans of such a signal are never cached.
        self.captures: list[Capture] = []
        #: The changes that are not folded into the tables yet.
        self.log: list[Change] = []
        #: {id of sender: table}, for senders that have connections.
        self.tables: dict[int, Table] = {}
        #: The table of connections to any sender.
        self.any = Table(self, Any)
        #: {signal: how many senders have connections to it, not counting `Any`}, without zeros.
        self._own: dict[Hashable, int] = {}
        #: Counts the look-ups of routes. A send with a cached plan looks none up.
        self.lookups = 0
        #: Counts the changes folded into the tables.
        self.version = 0
        self._folding = threading.Lock()
        #: The id of the thread that has the folding lock, or 0.
        self._folder = 0
        self._nowhere = Route((), miss)
        #: {id of sender: table}, for tables in `tables` that may have cached routes.
        self._warm: dict[int, Table] = {}
        reset_in_child(self)

    def after_fork(self) -> None:
        """Replace the folding lock in a forked child: a thread that the child does not have may hold it."""
        self._folding = threading.Lock()

    # -- changes -----------------------------------------------------------------------------------------------

    def table_for(self, sender: object) -> Table:
        """Return the table of a sender, or a new one if the sender has no connections."""
        if sender is Any:
            return self.any
        return self.tables.get(id(sender)) or Table(self, sender)

    def add(self, link: Link) -> None:
        """Add a link, which replaces the one with the same key, signal and sender."""
        self._change(changes.add, link)

    def remove(self, link: Link) -> bool:
        """Remove a link. Return whether this call ended it, not an earlier one."""
        if not link.claim():
            return False
        self._change(changes.remove, link)
        return True

    def receiver_died(self, link: Link) -> None:
        """Remove the link of a receiver that has died, and warn if nothing was sent since it was connected."""
        # Connecting clears the cache of plans, so the first send after it, of any signal, counts as a look-up.
        unused_code = link.code if link.lookups_before == self.lookups else None
        if self.remove(link) and unused_code is not None:
            warn_vanished(unused_code)

    def sender_died(self, sender_id: int, _reference: object = None) -> None:
        """Remove the table of a sender that has died, before its id can be reused.

        The removal is one atomic step, not a change in the log, which another thread may still be folding: as soon as
        this method returns, another object may have the id.
        """
        self._warm.pop(sender_id, None)
        table = self.tables.pop(sender_id, None)
        if table is not None:
            self._change(changes.drop, table)

    def count_own(self, table: Table, signal: Hashable, change: int) -> None:
        """Count a sender that got its first connection to a signal (+1) or lost its last (-1). Needs the folding lock."""
        if table is not self.any:
            count = self._own[signal] = self._own.get(signal, 0) + change
            if count == 0:
                del self._own[signal]

    def refresh(self, signal: Hashable) -> None:
        """Drop the cached routes and plans of a signal, so that its next send computes them again."""
        self._change(changes.forget, signal)

    def _change(self, action: Callable[[Tables, Untyped], None], subject: object) -> None:
        self.log.append((action, subject))
        self._changed()  # after the log, see the module `send`
        self.fold()

    def fold(self) -> None:
        """Apply the logged connects and disconnects to the tables, unless another thread is doing so."""
        # The loop checks the log again after the release, for a change that came between the last check and the release.
        while self.log and self._take_lock():
            try:
                while self.log:
                    self._fold_pending()
            finally:
                self._release_lock()

    def _take_lock(self) -> bool:
        """Try to take the folding lock, and return whether it was taken."""
        taken = self._folding.acquire(blocking=False)
        # A finalizer that interrupts a fold of its own thread must not wait: it would wait for itself.
        if not taken and len(self.log) > _MAX_PENDING and self._folder != threading.get_ident():
            taken = self._folding.acquire(timeout=_LOCK_TIMEOUT_S)
        if taken:
            self._folder = threading.get_ident()
        return taken

    def _release_lock(self) -> None:
        self._folder = 0
        self._folding.release()

    def _fold_pending(self) -> None:
        """Fold the present changes of the log. Needs the folding lock.

        The changes leave the log together, because removing the first entry of a list moves all others. So readers may find
        a change both in the tables and in the log. The next fold may, too, if this one is interrupted; see `changes`.
        """
        done = 0
        try:
            for action, subject in tuple(self.log):
                try:
                    action(self, subject)
                except Exception:  # noqa: BLE001 - logged
                    # The __eq__ of a signal may raise. No change may stay in the log forever.
                    _log.exception("a change of the signal tables failed")
                    if action is changes.add:
                        subject.claim()
                # After the action: a route computed before the change was complete is not cached, because the version
                # differs. The log loses the change only later, so a reader always finds it in the log or the tables.
                self.version += 1
                done += 1
        finally:
            del self.log[:done]

    def forget_table(self, table: Table) -> None:
        """Drop a table that has become empty. Needs the folding lock."""
        if self.tables.get(table.sender_id) is table:
            # Only folding adds tables, so since the check the table can only have been removed.
            self.tables.pop(table.sender_id, None)
            self._warm.pop(table.sender_id, None)

    def forget_routes(self, table: Table, signal: Hashable) -> None:
        """Drop the cached routes that depend on a table's connections to a signal. Needs the folding lock."""
        if signal is Any:
            table.routes.clear()
        else:
            table.routes.pop(signal, None)
            table.routes.pop((EXACT, signal), None)
        if table is self.any:
            # Every sender's routes include the connections to any sender. The loop is cheap: the send that cached a
            # table's first route cost far more than clearing that table.
            with contextlib.suppress(KeyError):  # a sender may die between the check and the removal
                while self._warm:
                    self._warm.popitem()[1].routes.clear()

    # -- reading -----------------------------------------------------------------------------------------------

    def route(self, signal: Hashable, sender: object, *, exact: bool = False) -> Route:
        """Return the route of a signal from a sender, from the cache if possible."""
        self.lookups += 1
        name = (EXACT, signal) if exact else signal
        if not self.log:
            table = self.tables.get(id(sender), self.any)
            cached: Route | None = table.routes.get(name)
            # A sender without connections shares the table of any sender, but has no exact connections.
            if cached is not None and not (exact and table is self.any and sender is not Any):
                return cached
            if table is self.any and type(signal) is not str and signal not in table.cells and Any not in table.cells:
                return self._nowhere  # frequent, so decided without a cache
        version = self.version
        links = self.matching(signal, sender, exact=exact)
        route = Route(links, self.miss) if links else self._nowhere
        self._cache(name, signal, sender, route, version)
        return route

    def is_captured(self, signal: Hashable) -> bool:
        """Whether a block captures or mutes the sends of a signal."""
        return bool(self.captures) and any(capture.signal is signal for capture in tuple(self.captures))

    def is_split(self, signal: Hashable) -> bool:
        """Whether some senders have connections of their own to a signal, so that its plan depends on the sender."""
        return signal in self._own or Any in self._own

    def may_cache(self, signal: Hashable, table: Table) -> bool:
        """Whether a cache may hold a signal: only strings and signals with connections, so that no cache keeps one alive."""
        return type(signal) is str or signal in table.cells or signal in self.any.cells

    def _cache(self, name: Hashable, signal: Hashable, sender: object, route: Route, version: int) -> None:
        if self.log or not self._take_lock():
            return
        try:
            table = self.tables.get(id(sender), self.any)
            shared = table is self.any and sender is not Any
            if version == self.version and self.may_cache(signal, table) and not (shared and name is not signal):
                if len(table.routes) >= _MAX_ROUTES:
                    table.routes.clear()
                table.routes[name] = route
                if table is not self.any:
                    self._warm[table.sender_id] = table
        finally:
            self._release_lock()
            self.fold()  # other threads did not fold their changes while the lock was taken

    def matching(self, signal: Hashable, sender: object, *, exact: bool = False) -> list[Link]:
        """Return the links of a signal from a sender, in the order of the calls, each receiver once.

        Links are sorted by priority, then as (sender, signal), (sender, Any), (Any, signal), (Any, Any), then by time of
        connecting.
        """
        self.lookups += 1
        pending = tuple(self.log)  # before the tables, see the module
        found: dict[Hashable, Link] = {}
        for link_sender in (sender,) if exact or sender is Any else (sender, Any):
            for link_signal in (signal,) if exact or signal is Any else (signal, Any):
                for link in self._links_at(link_sender, link_signal, pending):
                    found.setdefault(link.key, link)
        links = list(found.values())
        if any(link.priority for link in links):
            links.sort(key=_by_priority, reverse=True)  # stable, also in reverse
        return links

    def _links_at(self, sender: object, signal: Hashable, pending: tuple[Change, ...]) -> list[Link]:
        table = self.any if sender is Any else self.tables.get(id(sender))
        cell = table.cells.get(signal) if table is not None else None
        links = list(cell.values()) if cell else []  # atomic: one step of the interpreter
        if pending:
            links = list(changes.overlay(links, sender, signal, pending).values())
        # A link that replaced another one is at that one's index in the cell, but comes in the order of its own time.
        links.sort(key=_by_sequence)
        return links

    def find(self, key: Hashable, signal: Hashable, sender: object) -> Link | None:
        """Return the link with a key at exactly this signal and sender, or None."""
        pending = tuple(self.log)
        table = self.any if sender is Any else self.tables.get(id(sender))
        cell = table.cells.get(signal) if table is not None else None
        link = cell.get(key) if cell else None
        present = [] if link is None else [link]
        return changes.overlay(present, sender, signal, pending).get(key)
