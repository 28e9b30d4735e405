"""What clients of a seed have said and were told: it bounds what may have happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pubsubservice.subscribers.records import Due, Lease
from pubsubservice.subscribers.spans import select
from pubsubservice.subscribers.state import State
from pubsubservice.subscribers.tokens import Ended, token_time

__all__ = ["Event", "Said", "outstanding"]

#: (number of the subscription, partition, log index)
Event = tuple[int, int, int]


def outstanding(entry: Lease | Due) -> Iterator[Event]:
    """The events of a lease or a due entry that are not settled."""
    for span in select(entry.spans, entry.left):
        for n in range(span.stop - span.start):
            yield span.number, span.partition, span.first + n


class Said:
    """All clients' words, those that may still be on their way too."""

    def __init__(self, bad: Callable[[str], None], *, gentle: bool) -> None:
        self._bad = bad
        self.gentle = gentle
        self._acks: set[tuple[str, Event]] = set()
        self._gives: set[str] = set()
        #: when events that were released with a delay may come again at the earliest, µs, by lease and event
        self._not_before: dict[tuple[str, Event], int] = {}
        self._doomed: set[Event] = set()
        #: what tokens were given; those whose client was told that it released them
        self._made: dict[tuple[str, str], set[Event]] = {}
        self._released: set[str] = set()
        #: changes of subscriptions by their token, and the newest that was carried out for each subscriber
        self._changes: dict[tuple[str, str], tuple[str, str]] = {}
        self._newest: dict[str, tuple[int, str]] = {}
        #: (call, token) of acks that settled their lease
        self._effects: set[tuple[object, str]] = set()
        #: tokens of requests whose wait is to end without a lease
        self._woken: set[str] = set()

    # -- clients

    def asks_to_be_woken(self, token: str) -> None:
        """A client sends a request that is to lease nothing once it waits: the client may be gone by then."""
        self._woken.add(token)

    def acks(self, token: str, events: Iterable[Event]) -> None:
        """A client that saw these events under this token acks them."""
        self._acks |= {(token, event) for event in events}

    def gives_back(self, token: str, rejected: Iterable[Event] = ()) -> None:
        """A client gives back all or some of a lease: what is newer may come back with it. Or it condemns some."""
        self._gives.add(token)
        self._doomed |= set(rejected)

    def postpones(self, token: str, events: Iterable[Event], until: int) -> None:
        """A client releases these events, which are not to come again before `until`, µs."""
        for event in events:
            self._not_before.setdefault((token, event), until)

    def released(self, token: str) -> None:
        """A client was told that its release counts."""
        self._released.add(token)

    def received(self, name: str, token: str, events: Iterable[Event]) -> None:
        """A client got events under its token."""
        if not set(events) <= self._made.get((name, token), set()):
            self._bad("another answer for the same token")

    def leased_by_a_wait(self, tokens: Iterable[str]) -> None:
        """A request that had waited made these leases."""
        if self._woken & set(tokens):
            self._bad("a wait leased events to a client that may be gone")

    def told_settled(self, outstanding: set[Event], events: set[Event]) -> None:
        """A client was told that these events are settled."""
        if events & outstanding:
            self._bad("told accepted, but it was not")

    def told_unknown(self, call: object, token: str, state: State, events: Iterable[Event]) -> None:
        """A client was told that its ack of these events did not count."""
        if (call, token) in self._effects and state.ended.how(token) == Ended.SETTLED:
            self._bad("accepted, but told unknown")
        if token in state.leases and not set(events).isdisjoint(outstanding(state.leases[token])):
            self._bad("told unknown, but the lease was open all the time")

    def will_change(self, name: str, token: str, kind: str, topic: str) -> None:
        """A client is about to subscribe, seek or unsubscribe."""
        self._changes[(name, token)] = (kind, topic)

    # -- commits

    def may_be_acked(self, token: str, event: Event) -> bool:
        return (token, event) in self._acks

    def may_give_back(self, token: str) -> bool:
        return token in self._gives

    def may_come_at(self, token: str, event: Event) -> int:
        """When an event that was given back under this token may come again at the earliest, µs; 0 for at once."""
        return self._not_before.get((token, event), 0)

    def may_doom(self, event: Event) -> bool:
        return event in self._doomed

    def is_redriven_for_another(self, name: str, redriven_for: str) -> bool:
        return redriven_for not in {"", name}

    def on_lease(self, name: str, token: str, events: Iterable[Event]) -> None:
        """A token made a lease."""
        if (name, token) in self._made:
            self._bad("a token made a second lease")
        if token in self._released:
            self._bad("a token made a lease that its client had released")
        self._made[(name, token)] = set(events)

    def on_change(self, name: str, token: str) -> tuple[str, str]:
        """A change of subscriptions was carried out; returns what it is, and of which topic."""
        order = (token_time(token), token)
        if order <= self._newest.get(name, (0, "")):
            self._bad("an old subscribe, seek or unsubscribe was carried out again")
        self._newest[name] = max(order, self._newest.get(name, (0, "")))
        return self._changes[(name, token)]

    def on_settled(self, call: object, tokens: Iterable[str], state: State) -> None:
        """A call with acks of these tokens was carried out, and left the state so."""
        self._effects |= {(call, token) for token in tokens if state.ended.how(token) == Ended.SETTLED}
