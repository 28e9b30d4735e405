"""Leases: events in this process's hands, to be settled before a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pubsubclient._core.arguments import Seconds, check_flag, check_seconds, check_whole_seconds, clean

__all__ = ["Lease", "Ref", "check_delay", "check_lease_s", "nack_options"]

#: how long a lease may be made to last, seconds
_MAX_LEASE_S = 600
_MAX_DELAY_S = 24 * 3600
#: characters of a reason that are kept
_MAX_REASON = 200

#: an event within a subscription: its topic and its sequence
Ref = tuple[str, str]


class Settler(Protocol):
    """What a lease's settlements go through."""

    #: the subscriber that holds the lease
    subscriber: str
    #: calls a function of the service: `Transport.call`
    call: Callable[..., Any]

    def send(self, settlements: Mapping[str, Any]) -> dict[str, Any]:
        """Send settlements at once, in as many requests as they need; returns the body of the response."""


class Lease:
    """What one answer handed out under one token, and what of it this process still has to settle.

    Args:
        token: the lease's token
        refs: its events
        length_s: how long it lasts, seconds; 0 if the answer did not tell
        since: monotonic time at which it began, or before
        settler: what its settlements go through
        ordered: the topics of which nothing newer comes while something older is unsettled
    """

    def __init__(
        self,
        token: str,
        refs: Iterable[Ref],
        length_s: float,
        since: float,
        settler: Settler,
        ordered: Collection[str] = (),
    ) -> None:
        self.token = token
        self.ordered = ordered
        #: topics that come in order of which an event was given back: the service took back what is newer, too
        self.taken_back: set[str] = set()
        self.length_s = length_s
        self.since = since
        #: whether its thread has come back for more: what is left of it is acknowledged, whatever happens then
        self.handled = False
        #: events that an implicit settlement covers; a dict for its order and its atomic pop
        self._open = dict.fromkeys(refs)
        self._refs = tuple(self._open)
        #: events settled by name, with success
        self._settled: set[Ref] = set()
        self._settler = settler

    @property
    def ended(self) -> bool:
        """Whether its time is over, by the monotonic clock. An ack may count for some of it all the same."""
        return time.monotonic() >= self.since + self.length_s

    @property
    def over(self) -> bool:
        """Whether its time is over for so long that not even a late ack counts any more."""
        return time.monotonic() >= self.since + self.length_s + _MAX_LEASE_S

    @property
    def half_over(self) -> bool:
        """Whether it is time to extend it, if it is to be kept."""
        return bool(self.length_s) and time.monotonic() >= self.since + self.length_s / 2

    def extension(self, seconds: float | None = None) -> dict[str, Any]:
        """The settlement that lets the lease last `seconds` from now, or as long as at first."""
        return {"lease": self.token, "seconds": max(1, round(seconds or self.length_s))}

    def remainder(self) -> dict[str, Any] | None:
        """The settlement of all that was not settled by name; None if nothing is left."""
        # a snapshot: other threads may settle meanwhile
        return self.part(list(self._open))

    def part(self, refs: Iterable[Ref]) -> dict[str, Any] | None:
        """The settlement of those of `refs` that were not settled before; None if that is none."""
        left = [ref for ref in refs if ref in self._open]
        return self._naming(left) if left else None

    def take(self) -> dict[str, Any] | None:
        """The settlement of all that was not settled by name with success; from here on the implicit ack covers none of it.

        None if there is nothing. `took` is to follow when it was carried out.
        """
        left = [ref for ref in self._refs if ref not in self._settled]
        self.forget(left)
        return self._naming(left) if left else None

    def took(self) -> None:
        """What `take` named is settled."""
        self._settled.update(self._refs)

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """A seek emptied the lease of the events of these topics."""
        self.forget([ref for ref in self._refs if concerned(ref[0])])

    def forget(self, refs: Iterable[Ref]) -> None:
        """These events are settled: no implicit settlement covers them any more."""
        for ref in refs:
            self._open.pop(ref, None)

    def settle(self, verb: str, ref: Ref, **options: Any) -> bool:
        """Settle one event now; says whether that counted. What is settled already stays as it is.

        From here on the implicit ack leaves the event alone, even when this call fails: its caller said
        something else of it.
        """
        self._open.pop(ref, None)
        if ref in self._settled:
            return False
        settlement = {"lease": self.token, "events": [ref], **options}
        body = {"subscriber": self._settler.subscriber, "max_events": 0, verb: [settlement]}
        response = self._settler.call("get_events", body)
        self._settled.add(ref)
        if verb != "ack" and ref[0] in self.ordered:
            self.taken_back.add(ref[0])
        return not response.body.get("unknown")

    def send(self, settlements: Mapping[str, Any]) -> dict[str, Any]:
        """Send settlements of this lease and of others of its subscriber; returns the body of the response."""
        return self._settler.send(settlements)

    def _naming(self, refs: Sequence[Ref]) -> dict[str, Any]:
        """A settlement of these events: of the lease as a whole, if they are all of it."""
        return {"lease": self.token} if len(refs) == len(self._refs) else {"lease": self.token, "events": refs}

    def extend(self, ref: Ref, seconds: float) -> bool:
        """Let the whole lease last `seconds` from now, if that is longer; says whether `ref` is still in it."""
        if ref in self._settled:
            return False
        asked = time.monotonic()
        answer = self.send({"extend": [{**self.extension(seconds), "events": [ref]}]})
        counted = not answer.get("unknown")
        if counted:
            self.extended(asked, seconds)
        return counted

    def extended(self, asked: float, seconds: float) -> None:
        """The service let the lease last `seconds` from monotonic time `asked`, if that is longer."""
        if asked + seconds > self.since + self.length_s:
            self.since, self.length_s = asked, seconds

    def restarted(self, asked: float) -> None:
        """The service was asked, at monotonic time `asked`, to let the lease last as long as at first again."""
        self.since = asked


def check_delay(delay: object) -> float:
    """A delay, seconds. Raises InvalidArgument."""
    return check_seconds("delay", delay, 0, _MAX_DELAY_S)


def check_lease_s(seconds: object) -> int:
    """How long a lease is to last, seconds. Raises InvalidArgument."""
    return check_whole_seconds("seconds", seconds, 1, _MAX_LEASE_S)


def nack_options(delay: Seconds | None, reason: str | None, *, dead: bool) -> dict[str, Any]:
    """What a nack says beside its events. Raises InvalidArgument."""
    options: dict[str, Any] = {}
    if delay is not None:
        options["delay_s"] = check_delay(delay)
    if reason is not None:
        options["reason"] = clean("reason", reason)[:_MAX_REASON]
    if check_flag("dead", dead):
        options["dead"] = True
    return options
