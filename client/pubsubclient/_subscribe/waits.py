"""Tracks the running loops and waiting calls of one subscriber, so that any thread can end them."""

from __future__ import annotations

from weakref import WeakSet

from pubsubclient._core.names import is_pattern
from pubsubclient._http.call import Cancellation
from pubsubclient._subscribe.held_leases import HeldLeases
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.stream import Stream

__all__ = ["Waits"]


class Waits:
    """The running loops and waiting calls of one subscriber. Thread-safe."""

    def __init__(self, outcomes: Outcomes, held_leases: HeldLeases) -> None:
        self._outcomes = outcomes
        self._held_leases = held_leases
        self._loops: WeakSet[Stream] = WeakSet()
        #: cancels the calls that wait now; each `end` replaces it, so that later calls are not cancelled
        self.cancellation = Cancellation()

    def add(self, loop: Stream) -> None:
        """Track a loop that begins."""
        self._loops.add(loop)

    def end(self) -> None:
        """End the loops and the waiting calls; later ones are not affected."""
        cancellation, self.cancellation = self.cancellation, Cancellation()
        cancellation.cancel()
        for loop in list(self._loops):
            loop.close()

    def forget_all(self) -> None:
        """Drop all events, after the subscriber was removed: nothing is left to be settled."""
        self._outcomes.discard()
        self._held_leases.forget_topics(_any_topic)
        for loop in list(self._loops):
            loop.forget_topics(_any_topic)

    def forget(self, topics: str) -> None:
        """Drop the events of a topic from all leases, after a seek or unsubscribe, so that nobody handles or settles them."""
        if is_pattern(topics):
            # Only the service knows which topics belong to the pattern. So all events are still settled, and settlements
            # that the service does not know are not logged.
            of_loops = [lease for loop in list(self._loops) for lease in loop.leases]
            self._outcomes.expect_unknown([*self._held_leases.leases, *of_loops])
            return
        self._held_leases.forget_topics(topics.__eq__)
        for loop in list(self._loops):
            loop.forget_topics(topics.__eq__)


def _any_topic(_: str) -> bool:
    return True
