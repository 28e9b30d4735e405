"""The events that a subscriber's threads and tasks hold, each settled by the next call of its thread or task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary, ref

from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._events.lease import Lease
from pubsubclient._fork import reset_in_child
from pubsubclient._http.caller import current_caller
from pubsubclient._http.service import Service
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Settlements

__all__ = ["HeldLeases", "add_remainders"]


class _Alive:
    """A marker that lives as long as its thread, because only the thread's local storage refers to it."""


class _Hand:
    """The leases that one thread or task holds.

    Args:
        alive: an object that lives as long as the thread or task does
    """

    def __init__(self, alive: object) -> None:
        self._alive = ref(alive)
        self.leases: list[Lease] = []

    @property
    def left_behind(self) -> bool:
        """Whether the owner and all of its leases have ended, so that the events have become available again."""
        return self._alive() is None and all(lease.surely_ended for lease in self.leases)


class _Mine(threading.local):
    """The thread-local state. A dict by thread ident would not do: the ident of an ended thread is reused."""

    alive: _Alive | None = None
    hand: _Hand | None = None


class HeldLeases:
    """The leases of one subscriber in this process, by thread; those of a call for a task, by task.

    A thread's leases are settled by its next call, so they belong to that thread alone. No lock is necessary: each thread
    writes only its own entry, and the operations of dict and list used here are atomic.
    """

    def __init__(self, outcomes: Outcomes, subscriber: str) -> None:
        self._outcomes = outcomes
        self._subscriber = subscriber
        self.after_fork()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self._subscriber!r}"

    @property
    def service(self) -> Service:
        """The service at which the events are settled."""
        return self._outcomes.service

    def after_fork(self) -> None:
        """Hold nothing in the child: the parent keeps its events and settles them."""
        self._mine = _Mine()
        self._of_tasks: WeakKeyDictionary[object, _Hand] = WeakKeyDictionary()
        #: the threads' entries that hold leases; a dict keeps their order, and its pop is atomic
        self._hands: dict[_Hand, None] = {}
        settle_at_exit(self, holding=False)

    def ack_previous(self) -> Settlements:
        """Acknowledge what this thread's last call returned; returns the settlements for the thread's next request.

        If that request fails, later settlements still acknowledge these events, even after an exception.
        """
        settlements: Settlements = {}
        hand = self._hand()
        if hand is not None:
            for lease in hand.leases:
                lease.handled = True
            add_remainders(settlements, "ack", hand.leases)
        return settlements

    def replace(self, leases: list[Lease]) -> None:
        """Replace the caller's leases, which are settled, by `leases`; for a task that is gone, do nothing."""
        caller = current_caller()
        if caller is None:
            self._put(self._hand() or self._new_hand(), leases)
            return
        with caller.lock:
            if not caller.gone:
                self._put(self._hand() or self._new_hand(), leases)

    def _hand(self) -> _Hand | None:
        """Return what the caller holds; None if it has held nothing so far."""
        caller = current_caller()
        return self._mine.hand if caller is None else self._of_tasks.get(caller.owner)

    def _new_hand(self) -> _Hand:
        caller = current_caller()
        if caller is not None:
            hand = self._of_tasks[caller.owner] = _Hand(caller.owner)
            return hand
        mine = self._mine
        mine.alive = _Alive()
        mine.hand = _Hand(mine.alive)
        return mine.hand

    def _put(self, hand: _Hand, leases: list[Lease]) -> None:
        hand.leases = leases
        if leases:
            self._hands[hand] = None
        else:
            self._hands.pop(hand, None)
        # settle() releases the leases of ended threads; once a lease itself has ended, no release is necessary
        for other in [other for other in list(self._hands) if other.left_behind]:
            self._hands.pop(other, None)
        settle_at_exit(self, holding=bool(self._hands))

    def give_up(self, leases: list[Lease]) -> None:
        """Drop these leases of the caller: an exception kept it from receiving their events."""
        hand = self._hand()
        if hand is not None and hand.leases is leases:
            self.replace([])

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """Forget the events of these topics, after a seek has removed them from all leases."""
        for hand in list(self._hands):
            for lease in hand.leases:
                lease.forget_topics(concerned)

    @property
    def leases(self) -> list[Lease]:
        """The leases of all threads."""
        return [lease for hand in list(self._hands) for lease in hand.leases]

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:
        """Settle all held events: those of the caller by `verb`, those of other threads and tasks by release.

        Raises ServiceError or Unavailable; then all events are still held.
        """
        mine = self._hand()
        settlements: Settlements = {}
        held = {hand: hand.leases for hand in list(self._hands)}
        for hand, leases in held.items():
            add_remainders(settlements, verb if hand is mine else "release", leases)
        self._outcomes.carry_out(settlements, deadline_s)
        for hand, leases in held.items():
            # unless its owner has replaced its leases meanwhile
            if hand.leases is leases:
                hand.leases = []
                self._hands.pop(hand, None)
        settle_at_exit(self, holding=bool(self._hands))


def add_remainders(settlements: Settlements, verb: Verb, leases: Iterable[Lease]) -> None:
    """Add the settlements of all unsettled events of `leases`: ack if the lease was handled, else `verb`."""
    for lease in leases:
        remainder = lease.remainder()
        if remainder is not None:
            settlements.setdefault("ack" if lease.handled else verb, []).append(remainder)
