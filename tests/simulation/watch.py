"""What the bodies of a client's loops did, and what the SDK said of it: it must say no more, and in time."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from pubsubclient._events.lease import Ref
from pubsubclient._events.received import ReceivedEvent
from pubsubservice.delivery.request import GetEvents, GetEventsResponse

from .scheduler import SECOND

if TYPE_CHECKING:
    from .processes import Process

__all__ = ["Watch", "token_of"]

#: what is done waits so long for a request that takes it along, at most; seconds
_PROMPT_S = 0.2
#: and so much longer after a request that failed, seconds
_PAUSE_S = 1.0
#: what a loop fetches ahead is so much work at most, seconds
_AHEAD_S = 1.0

#: an event in a lease
_Key = tuple[str, Ref]


class Watch:
    """Judges one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        #: what a body came to its end with, or acknowledged itself
        self._finished: set[_Key] = set()
        #: those of which no request has said anything yet, and when they were finished, µs
        self._unsaid: dict[_Key, int] = {}
        #: what was received and no body has begun, by lease; and when that ends, µs of store time
        self._untouched: dict[str, set[Ref]] = {}
        self._until: dict[str, int] = {}
        #: topics that come in order, by the lease of which the service took back what is newer
        self._taken_back: set[tuple[str, str]] = set()
        #: whether it ends, and what was received afterwards
        self._exits = False
        self._late: set[str] = set()
        self._failures = 0
        self._failed_at = 0

    # -- what bodies do

    def begins(self, event: ReceivedEvent) -> None:
        """A body works on an event."""
        token = token_of(event)
        if self._process.loops and (token, event.topic) in self._taken_back:
            self._bad("ordered: a loop came to an event that the service had taken back")
        self._untouched.get(token, set()).discard(event.ref)
        self.check_prompt()

    def finishes(self, event: ReceivedEvent) -> None:
        """A body has come to its end with an event."""
        key = (token_of(event), event.ref)
        self._finished.add(key)
        if not self._exits:  # afterwards a daemon thread's loop is left already
            self._unsaid[key] = self._now()

    def gave_back(self, event: ReceivedEvent) -> None:
        """An event was given back by name, and that counted."""
        lease = event._lease
        if lease is not None and event.topic in lease.ordered:
            self._taken_back.add((lease.token, str(event.topic)))

    # -- what the SDK sends, and gets

    def asks(self, request: GetEvents) -> None:
        """A request is sent."""
        for verb, settlement in request.settlements.each():
            if verb == "extend":
                continue
            token = settlement.lease
            refs = {self._process.talk.name_of(token, event) for event in self._process.talk.covered(settlement)}
            if verb == "ack" and any((token, ref) not in self._finished for ref in refs):
                self._bad("an event was acknowledged though nobody had come to its end with it (LOST)")
            if verb == "nack" and self._process.loops and refs & self._untouched.get(token, set()):
                self._bad("what nobody had begun was counted as failed")
            for ref in refs:
                self._unsaid.pop((token, ref), None)
            self._untouched.get(token, set()).difference_update(refs)
        least_s = self._process.least_work_s
        if self._process.loops and request.max_events > max(1, ceil(1.1 * _AHEAD_S / least_s)):
            self._bad("a loop fetched more than about a second of work")

    def answered(self, request: GetEvents, answer: GetEventsResponse) -> None:
        """An answer came."""
        if answer.slices and request.lease is not None:
            events = self._process.talk.got(request.lease, answer)
            self._untouched[request.lease] = {self._process.talk.name_of(request.lease, event) for event in events}
            self._until[request.lease] = answer.until
            if self._exits:
                self._late.add(request.lease)

    def exits(self) -> None:
        """It begins to end in good order: what daemon threads get from now on dies with it."""
        self._exits = True

    def failed(self) -> None:
        """A call was given up."""
        self._failures += 1
        self._failed_at = self._now()

    # -- what is so at any time, and when it ends

    def check_prompt(self) -> None:
        """It may be killed now: of what its loops have done, only the newest is not on its way."""
        if not self._process.loops or not self._unsaid:
            return
        oldest = max(min(self._unsaid.values()), self._failed_at + round(_PAUSE_S * SECOND))
        by = oldest + round(_PROMPT_S * SECOND)
        if by < self._now() and not self._process.sends_by(by):
            self._bad("what a loop had done was not acknowledged in time")

    def check_nothing_kept(self) -> None:
        """It has ended in good order: what it had and did not come to is given back."""
        for token, refs in self._untouched.items():
            left = {ref for ref in refs if (token, ref[0]) not in self._taken_back}
            if (
                left
                and token not in self._late
                and not self._failures
                and self._process.world.store.now() < self._until[token]
            ):
                self._bad("what nobody had begun was not given back")

    def _now(self) -> int:
        return self._process.scheduler.time

    def _bad(self, what: str) -> None:
        self._process.world.truth.bad(what)


def token_of(event: ReceivedEvent) -> str:
    """The lease of an event."""
    assert event._lease is not None
    return event._lease.token
