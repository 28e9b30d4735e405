"""A peeker beside the subscribers: what it sees has no gap, nothing twice and one order, and it sees everything in time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pubsubservice.core.problems import Problem
from pubsubservice.delivery.peek import Newest, Peek, PeekResponse

from .logs import Log
from .scheduler import SECOND

if TYPE_CHECKING:
    from .world import World

__all__ = ["Peeker"]

#: what was committed so long before a request began is in its answer, µs: read times lag behind by so much
_LAG_US = 1 * SECOND


class Peeker:
    """Peeks again and again, from one cursor to the next, at whatever instance answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pattern = world.mix.patterns and world.random.random() < 0.5
        #: the next log index of each log, where it is known
        self._next: dict[Log, int] = {}
        #: the newest event so far, in the order in which events are handed out
        self._last: tuple[int, str, int, int] = (0, "", 0, 0)
        #: events that retention deleted, as responses told, less those that were found to be missing; by topic
        self._lost: Counter[str] = Counter()

    def run(self) -> None:
        world = self._world
        request = self._begin()
        while True:
            began = world.store.now()
            done = world.call(lambda service, request=request: service.peek(request))
            if done is None or isinstance(done[0], Problem):
                continue
            response: PeekResponse = done[0]
            self._check(response)
            if not response.slices and not response.more:
                self._check_complete(began)
            request = Peek(
                cursor=response.cursor,
                max_events=world.random.choice((1, 3, 50)),
                wait_s=world.random.choice((0.0, 0.0, 4.0)),
            )
            world.pause(0, 4)
            if not world.gentle and world.chance(0.05):
                self._next, self._last, self._lost = {}, (0, "", 0, 0), Counter()
                request = self._begin()

    def _begin(self) -> Peek:
        """Begin somewhere. From the earliest the first index of each log is known."""
        random = self._world.random
        if self._pattern:
            start = random.choice(("earliest", "latest"))
            return Peek([">"], start, max_events=random.choice((1, 50)))
        return Peek(["A", "B"], random.choice(("earliest", "latest", Newest(5))), max_events=random.choice((1, 50)))

    def _check(self, response: PeekResponse) -> None:
        """Events come in commit-time order, each log's one after the other; what is missing was trimmed, and was told."""
        logs = self._world.truth.logs
        self._lost.update(response.lost)
        for slice_ in response.slices:
            log = (slice_.topic, slice_.span.partition)
            for offset, line in zip(slice_.offsets, slice_.lines, strict=True):
                index = slice_.span.first + offset
                events = logs.events.get(log, [])
                if index >= len(events) or events[index].line != line:
                    self._world.truth.bad("a peek returned what is not in the log")
                    return
                key = (events[index].created, *log, index)
                if key <= self._last:
                    self._world.truth.bad("a peek returned events out of order, or twice")
                self._last = key
                if index > self._next.get(log, index):
                    self._lost[slice_.topic] -= index - self._next[log]
                    if not all(logs.trimmed(*log, gone) for gone in range(self._next[log], index)):
                        self._world.truth.bad("a peek passed over an event (LOST)")
                self._next[log] = index + 1
        if any(count < 0 for count in self._lost.values()):
            self._world.truth.bad("a peek did not tell what retention had deleted")

    def _check_complete(self, began: int) -> None:
        """An answer without events tells that nothing was there when it was asked for."""
        logs = self._world.truth.logs
        for log, index in self._next.items():
            for number, event in enumerate(logs.events[log][index:], index):
                if event.created <= began - _LAG_US and not logs.trimmed(*log, number):
                    self._world.truth.bad("a peek did not come to an event (LOST)")
                    return
