"""What a subscriber's threads have in their hands, to be settled by what they do next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from weakref import ref

from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._events.lease import Lease
from pubsubclient._fork import reset_in_child
from pubsubclient._subscribe.outcomes import Outcomes, Settlements

__all__ = ["HeldLeases", "add_remainders"]


class _Alive:
    """Lives as long as its thread does: only the thread's own storage refers to it."""


class _Hand:
    """What one thread has in hand."""

    def __init__(self, alive: _Alive) -> None:
        self._alive = ref(alive)
        self.leases: list[Lease] = []

    @property
    def left_behind(self) -> bool:
        """Whether its thread has ended, and all of it has come again by itself."""
        return self._alive() is None and all(lease.ended for lease in self.leases)


class _Mine(threading.local):
    """A thread's own. The number of a thread would not do: one that ends leaves it to another."""

    alive: _Alive | None = None
    hand: _Hand | None = None


class HeldLeases:
    """The leases of one subscriber in this process, by thread.

    A thread's leases are settled by its next call, so they belong to it alone. No lock: each thread writes its
    own entry, and the operations of dict and list used here are atomic.
    """

    def __init__(self, outcomes: Outcomes, subscriber: str) -> None:
        self._outcomes = outcomes
        self._subscriber = subscriber
        self.after_fork()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self._subscriber!r}"

    def after_fork(self) -> None:
        """What is in hand, and its settlement, stay with the parent."""
        self._mine = _Mine()
        #: the hands that hold something; a dict for its order and its atomic pop
        self._hands: dict[_Hand, None] = {}
        settle_at_exit(self, holding=False)

    def ack_previous(self) -> Settlements:
        """The calling thread comes back for more; returns the acks of what it has in hand.

        From now on that will be acknowledged even if this call fails and an exception follows.
        """
        settlements: Settlements = {}
        hand = self._mine.hand
        if hand is not None:
            for lease in hand.leases:
                lease.handled = True
            add_remainders(settlements, "ack", hand.leases)
        return settlements

    def replace(self, leases: list[Lease]) -> None:
        """The calling thread has settled what it had in hand, and holds `leases` now."""
        mine = self._mine
        if mine.hand is None:
            mine.alive = _Alive()
            mine.hand = _Hand(mine.alive)
        hand = mine.hand
        hand.leases = leases
        if leases:
            self._hands[hand] = None
        else:
            self._hands.pop(hand, None)
        # what ended threads held is released by settle(); it is not worth keeping when it has come again by itself
        for other in [other for other in list(self._hands) if other.left_behind]:
            self._hands.pop(other, None)
        settle_at_exit(self, holding=bool(self._hands))

    def give_up(self, leases: list[Lease]) -> None:
        """The calling thread did not get these after all."""
        if self._mine.hand is not None and self._mine.hand.leases is leases:
            self.replace([])

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """A seek emptied all leases of the events of these topics: nothing of them is in hand any more."""
        for hand in list(self._hands):
            for lease in hand.leases:
                lease.forget_topics(concerned)

    @property
    def leases(self) -> list[Lease]:
        """All that are in hand."""
        return [lease for hand in list(self._hands) for lease in hand.leases]

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:
        """Settle all: the calling thread's events by `verb`, those of other threads by release.

        Raises ServiceError or Unavailable; then everything is still held.
        """
        mine = self._mine.hand
        settlements: Settlements = {}
        held = {hand: hand.leases for hand in list(self._hands)}
        for hand, leases in held.items():
            add_remainders(settlements, verb if hand is mine else "release", leases)
        self._outcomes.carry_out(settlements, deadline_s)
        for hand, leases in held.items():
            # a thread that came back meanwhile holds others now
            if hand.leases is leases:
                hand.leases = []
                self._hands.pop(hand, None)
        settle_at_exit(self, holding=bool(self._hands))


def add_remainders(settlements: Settlements, verb: Verb, leases: Iterable[Lease]) -> None:
    """Add to `settlements` what is left of leases."""
    for lease in leases:
        remainder = lease.remainder()
        if remainder is not None:
            settlements.setdefault("ack" if lease.handled else verb, []).append(remainder)
