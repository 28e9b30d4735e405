"""The loops and the waiting calls of one subscriber that are under way, to be ended from any thread."""

from __future__ import annotations

from weakref import WeakSet

from pubsubclient._core.names import is_pattern
from pubsubclient._http.call import Cancellation
from pubsubclient._subscribe.held_leases import HeldLeases
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.stream import Stream

__all__ = ["Waits"]


class Waits:
    """What waits for events, or works on those that a loop has leased. Thread-safe."""

    def __init__(self, outcomes: Outcomes, holdings: HeldLeases) -> None:
        self._outcomes = outcomes
        self._holdings = holdings
        self._loops: WeakSet[Stream] = WeakSet()
        #: ends the calls that wait now; each `end` makes another one for those that come later
        self.cancellation = Cancellation()

    def add(self, loop: Stream) -> None:
        """A loop begins."""
        self._loops.add(loop)

    def end(self) -> None:
        """End the loops, and the calls that wait; what is called later goes on."""
        cancellation, self.cancellation = self.cancellation, Cancellation()
        cancellation.cancel()
        for loop in list(self._loops):
            loop.close()

    def forget(self, topics: str) -> None:
        """A seek or an unsubscribe has emptied leases of a topic's events: neither acknowledge them, nor come to them."""
        if is_pattern(topics):
            # which topics came through the pattern only the service knows: theirs are settled in vain, without a word
            of_loops = [lease for loop in list(self._loops) for lease in loop.leases]
            self._outcomes.expect_unknown([*self._holdings.leases, *of_loops])
            return
        self._holdings.forget_topics(topics.__eq__)
        for loop in list(self._loops):
            loop.forget_topics(topics.__eq__)
