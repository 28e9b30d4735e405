"""Leases: events that this process holds for a limited time, and has to settle before it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pubsubclient._core.arguments import Seconds, check_flag, check_seconds, check_whole_seconds, clean
from pubsubclient._core.clock import Clock
from pubsubclient._core.observing import observing_settlement

__all__ = ["Lease", "Ref", "check_delay", "check_lease_s", "nack_options", "release_options"]

#: the longest extension of a lease, seconds
_MAX_LEASE_S = 600
_MAX_DELAY_S = 24 * 3600
#: by how much this process's clock may be faster than the service's
_FAST = 1.05
#: how many characters of a nack's reason the service keeps
_MAX_REASON = 200

#: identifies an event within a subscriber: its topic and its sequence
Ref = tuple[str, str]


class Settler(Protocol):
    """Sends the settlements of a lease."""

    #: the subscriber that holds the lease
    subscriber: str
    #: tells how much of a lease's time is over
    clock: Clock
    #: calls a function of the service: `Transport.call`
    call: Callable[..., Any]

    @property
    def service(self) -> Any:
        """The service, for what watches calls."""

    def send(self, settlements: Mapping[str, Any]) -> dict[str, Any]:
        """Send settlements at once, in as many requests as they need; returns the body of the response."""


class Lease:
    """The events of one response, leased under one token, and which of them are still unsettled.

    Args:
        token: the lease's token
        refs: the leased events
        length_s: how long the lease lasts, seconds; 0 if the response does not say
        since: a monotonic time at or before the beginning of the lease
        settler: sends settlements to the service
        ordered: the topics whose subscription is ordered: no newer event is delivered while an older one is unsettled
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
        #: ordered topics with an event that was nacked or released; the service has recalled their newer events too
        self.taken_back: set[str] = set()
        self.length_s = length_s
        self.since = since
        #: events of these topics that the service has recalled, because an older one was nacked or released
        self.recalled: set[Ref] = set()
        #: whether the service said that the lease is over, or holds less than it should: an extension did not count
        self.lost = False
        #: whether the thread has asked for its next events: from then on the rest of this lease can only be acknowledged
        self.handled = False
        #: events that implicit settlements still cover; a dict keeps their order, and its pop is atomic
        self._open = dict.fromkeys(refs)
        self._refs = tuple(self._open)
        #: events whose outcome was recorded, to be sent by a later request
        self._decided: set[Ref] = set()
        #: events that were settled explicitly, with success
        self._settled: set[Ref] = set()
        #: what an observer keeps for as long as the lease lives
        self.observed: object | None = None
        self._settler = settler
        #: the clock of `since`
        self.clock = settler.clock
        #: a monotonic time at or after the beginning of the lease
        self._answered = self.clock.monotonic()

    @property
    def subscriber(self) -> str:
        """The subscriber that holds the lease."""
        return self._settler.subscriber

    @property
    def ended(self) -> bool:
        """Whether the lease has ended, by the monotonic clock. A late ack may still count for some of its events."""
        return self.clock.monotonic() >= self.since + self.length_s

    @property
    def surely_ended(self) -> bool:
        """Whether the lease has ended at the service too, where it began at some time between the request and the answer."""
        return self.clock.monotonic() >= self._answered + _FAST * self.length_s

    @property
    def gone(self) -> bool:
        """Whether this process has to assume that others have the events: the lease has ended, or the service said so."""
        return self.lost or bool(self.length_s and self.ended)

    @property
    def over(self) -> bool:
        """Whether the lease ended so long ago that not even a late ack can count."""
        return self.clock.monotonic() >= self.since + self.length_s + _MAX_LEASE_S

    @property
    def half_over(self) -> bool:
        """Whether half of the lease's time is over: time to extend a lease that is still needed."""
        return bool(self.length_s) and self.clock.monotonic() >= self.since + self.length_s / 2

    def extension(self, seconds: float | None = None) -> dict[str, Any]:
        """Build the settlement that extends the lease to `seconds` from now; by default to its own length."""
        whole = {"lease": self.token, "seconds": max(1, round(seconds or self.length_s))}
        # an extension of recalled events would not count
        return {**whole, "events": self.held()} if self.recalled else whole

    def remainder(self) -> dict[str, Any] | None:
        """Build the settlement of all events that were not settled explicitly; None if no event is left."""
        # a snapshot, because other threads may settle events meanwhile
        return self.part(list(self._open))

    def part(self, refs: Iterable[Ref]) -> dict[str, Any] | None:
        """Build the settlement of the unsettled events among `refs`; None if all are settled."""
        left = [ref for ref in refs if ref in self._open]
        return self._naming(left) if left else None

    def named(self, refs: Iterable[Ref]) -> dict[str, Any] | None:
        """Build the settlement that names the unsettled events among `refs`, even if these are all; None if none is left."""
        left = [ref for ref in refs if ref in self._open]
        return {"lease": self.token, "events": left} if left else None

    def decide(self, ref: Ref) -> bool:
        """Record that an event's outcome is known; False if it was before, or if the event is not in this lease any more."""
        if ref not in self._open or ref in self._decided or ref in self.recalled:
            return False
        self._decided.add(ref)
        return True

    def recall_after(self, ref: Ref) -> None:
        """Record that an event is nacked or released; if its topic is ordered, the service recalls the events behind it."""
        topic = ref[0]
        if topic not in self.ordered:
            return
        self.taken_back.add(topic)
        behind = self._refs[self._refs.index(ref) + 1 :]
        self.recalled.update(
            other for other in behind if other[0] == topic and other in self._open and other not in self._decided
        )

    def held(self) -> list[Ref]:
        """Return the events that this process still holds: neither settled nor recalled."""
        return [ref for ref in list(self._open) if ref not in self.recalled]

    def is_open(self, ref: Ref) -> bool:
        """Whether implicit settlements still cover an event."""
        return ref in self._open

    def take(self) -> dict[str, Any] | None:
        """Build the settlement of everything still open; the implicit ack no longer covers it. None if nothing is open.

        Events whose explicit settlement failed are still open. Call `took` when the settlement was carried out.
        """
        left = [ref for ref in self._refs if ref not in self._settled]
        self.forget(left)
        return self._naming(left) if left else None

    def took(self) -> None:
        """Record that the settlement of `take` was carried out."""
        self._settled.update(self._refs)

    def forget_topics(self, concerned: Callable[[str], bool]) -> None:
        """Forget the events of these topics, after a seek has removed them from the lease."""
        self.forget([ref for ref in self._refs if concerned(ref[0])])

    def forget(self, refs: Iterable[Ref]) -> None:
        """Exclude these events from later implicit settlements."""
        for ref in refs:
            self._open.pop(ref, None)

    def settle(self, verb: str, ref: Ref, **options: Any) -> bool:
        """Settle one event now; returns whether the settlement counted. A second settlement of an event is ignored.

        The implicit ack no longer covers the event, even if this call fails: the caller may have nacked or released it.
        """
        self._open.pop(ref, None)
        if ref in self._settled:
            return False
        settlement = {"lease": self.token, "events": [ref], **options}
        body = {"subscriber": self._settler.subscriber, "max_events": 0, verb: [settlement]}
        with observing_settlement(body, self.subscriber, self._settler.service):
            response = self._settler.call("get_events", body)
        self._settled.add(ref)
        if verb != "ack":
            self.recall_after(ref)
        return not response.body.get("unknown")

    def send(self, settlements: Mapping[str, Any]) -> dict[str, Any]:
        """Send settlements of this lease and of others of its subscriber; returns the body of the response."""
        return self._settler.send(settlements)

    def _naming(self, refs: Sequence[Ref]) -> dict[str, Any]:
        """Build a settlement that names these events, or the lease alone if these are all of its events."""
        return {"lease": self.token} if len(refs) == len(self._refs) else {"lease": self.token, "events": refs}

    def extend(self, ref: Ref, seconds: float) -> bool:
        """Extend the whole lease to `seconds` from now, unless it lasts longer; returns whether `ref` is still in it."""
        if ref in self._settled:
            return False
        asked = self.clock.monotonic()
        answer = self.send({"extend": [{**self.extension(seconds), "events": [ref]}]})
        counted = not answer.get("unknown")
        if counted:
            self.extended(asked, seconds)
        return counted

    def extended(self, asked: float, seconds: float) -> None:
        """Record an extension to `seconds` from monotonic time `asked`, unless the lease lasts longer."""
        if asked + seconds > self.since + self.length_s:
            self.since, self.length_s = asked, seconds
            self._answered = self.clock.monotonic()

    def restarted(self, asked: float) -> None:
        """Record an extension, requested at monotonic time `asked`, to the lease's own length."""
        self.since = asked
        self._answered = self.clock.monotonic()


def check_delay(delay: object) -> float:
    """Return a valid delay, seconds. Raises InvalidArgument."""
    return check_seconds("delay", delay, 0, _MAX_DELAY_S)


def check_lease_s(seconds: object) -> int:
    """Return a valid length of a lease, whole seconds. Raises InvalidArgument."""
    return check_whole_seconds("seconds", seconds, 1, _MAX_LEASE_S)


def nack_options(delay: Seconds | None, reason: str | None, *, dead: bool) -> dict[str, Any]:
    """Return the members of a nack beside its events. Raises InvalidArgument."""
    options: dict[str, Any] = {}
    if delay is not None:
        options["delay_s"] = check_delay(delay)
    if reason is not None:
        options["reason"] = clean("reason", reason)[:_MAX_REASON]
    if check_flag("dead", dead):
        options["dead"] = True
    return options


def release_options(delay: Seconds) -> dict[str, Any]:
    """Return the members of a release beside its events. Raises InvalidArgument."""
    delay_s = check_delay(delay)
    return {"delay_s": delay_s} if delay_s else {}
