"""One subscriber's document under a thousand made-up schedules, beside a naive model of what should become of each event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pubsubservice.core.settings import Bounds
from pubsubservice.delivery.redelivery import Redelivery
from pubsubservice.delivery.slices import Slice
from pubsubservice.log.batch import Batch, Origin, compress, document
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.storage.paths import batch_path
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases, Settlement, Settlements
from pubsubservice.subscribers.records import Due, Subscription
from pubsubservice.subscribers.spans import Span, select
from pubsubservice.subscribers.state import State

SECOND = 1_000_000
EVENTS = 8
BACKOFF_S = 2
NOTHING = Settlements()


def batch() -> Batch:
    """One batch with all events, committed at 0."""
    lines = [b'{"id":"%d"}' % n for n in range(EVENTS)]
    fields = document(compress(lines), 0, [bytes(8)] * EVENTS, [Origin("p", EVENTS)])
    return Batch(Doc(batch_path("orders", 0, 1), fields, 0, 0))


class OneBatch:
    """A reader of a topic that has one batch."""

    found = batch()

    def fetch(self, places: Any) -> dict[Any, Batch]:
        return dict.fromkeys(places, self.found)


@dataclass
class Naive:
    """What should be known of one event."""

    #: "new", "leased", "due", "dead" or "settled"
    where: str = "new"
    attempt: int = 1
    at: int = 0
    token: str = ""


@dataclass
class Subscriber:
    """The real rules over a real state, and the naive model beside it."""

    ordered: bool
    max_attempts: int
    now: int = SECOND
    naive: list[Naive] = field(default_factory=lambda: [Naive() for _ in range(EVENTS)])
    tokens: list[str] = field(default_factory=list)
    until: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = State.new("s")
        self.state.subscriptions["orders"] = Subscription(
            1, 10, [], max_attempts=self.max_attempts, backoff_s=BACKOFF_S, ordered=self.ordered
        )

    def call(self, settlements: Settlements = NOTHING, take: int = 0) -> None:
        """One call: what expires, what is settled, what dies, what is handed out."""
        doc = Doc("subscribers/s", self.state.fields(), 0, 0)
        self.state = State.read(doc)
        leases = Leases(self.state, self.now, Bounds(failed_as_group=4))
        deaths = DeadLettering(leases)
        leases.expire()
        self._expire()
        leases.settle(settlements)
        returned = {settlement.lease: EVENTS for _, settlement in settlements.each()}
        for verb, settlement in settlements.each():
            for index in self._settle(verb, settlement):
                returned[settlement.lease] = min(returned[settlement.lease], index)
        if self.ordered:
            self._recall_newer(returned)
        deaths.collect()
        self._bury()
        if take:
            self._hand_out(leases, deaths, take)
        self.check()

    def _hand_out(self, leases: Leases, deaths: DeadLettering, take: int) -> None:
        token = f"{self.now}-{len(self.tokens)}"
        due = Redelivery(OneBatch(), leases, deaths)  # type: ignore[arg-type]
        due.take(take)
        slices = due.slices
        if not slices and not (due.leased | due.waiting()):
            slices = self._new(take)
        if not slices:
            return
        self.until[token] = leases.open(
            token, [(one.topic, one.piece) for one in slices], due.attempt or 1, failed_as_group=due.failed_as_group
        )
        self.tokens.append(token)
        for index in held(self.state, token):
            event = self.naive[index]
            assert event.where in {"new", "due"}
            assert event.at <= self.now
            assert event.attempt == self.state.leases[token].attempt <= self.max_attempts
            event.where, event.token = "leased", token
        if self.ordered:
            oldest = [e.where in {"settled", "dead"} or (e.where, e.token) == ("leased", token) for e in self.naive]
            newest = max(held(self.state, token))
            assert all(oldest[:newest])

    def _new(self, take: int) -> list[Slice]:
        left = [index for index, event in enumerate(self.naive) if event.where == "new"][:take]
        if not left:
            return []
        span = Span(1, 0, 1, left[0], left[-1] + 1, left[0])
        return [
            Slice("orders", span, (1 << len(left)) - 1, OneBatch.found, OneBatch.found.lines()[left[0] : left[-1] + 1])
        ]

    # -- the naive model

    def _expire(self) -> None:
        for event in self.naive:
            if event.where == "leased" and self.until[event.token] <= self.now:
                event.where, event.at = "due", self.until[event.token] + BACKOFF_S * SECOND * 2 ** (event.attempt - 1)
                event.attempt += 1

    def _settle(self, verb: str, settlement: Settlement) -> list[int]:
        """Returns the events that are given back."""
        token = settlement.lease
        named = range(EVENTS) if settlement.events is None else [int(seq[-20:]) for _, seq in settlement.events]
        mine = [i for i in named if self.naive[i].token == token and self.naive[i].where == "leased"]
        late = [i for i in named if self.naive[i].token == token and self.naive[i].where == "due"]
        if verb == "ack":
            for i in mine + [i for i in late if self.until[token] <= self.now]:
                self.naive[i].where = "settled"
        elif verb == "extend":
            if any(event.where == "leased" and event.token == token for event in self.naive):
                self.until[token] = max(self.until[token], self.now + 10 * SECOND)
        else:
            self._back(verb, settlement, mine)
            return mine
        return []

    def _back(self, verb: str, settlement: Settlement, mine: list[int]) -> None:
        for i in mine:
            event = self.naive[i]
            event.where, event.token = "due", ""
            backoff_s = BACKOFF_S * 2 ** (event.attempt - 1) if verb == "nack" else 0
            event.at = self.now + (backoff_s if settlement.delay_s is None else settlement.delay_s) * SECOND
            event.attempt += verb == "nack"

    def _recall_newer(self, returned: dict[str, int]) -> None:
        for token, oldest in returned.items():
            for event in self.naive[oldest:]:
                if event.where == "leased" and event.token == token:
                    event.where, event.token, event.at = "due", "", self.now

    def _bury(self) -> None:
        for event in self.naive:
            if event.where == "due" and event.attempt > self.max_attempts:
                event.where = "dead"

    def check(self) -> None:
        """The state and the model agree on where every event is, and on its attempt."""
        leased = {i: lease.attempt for token, lease in self.state.leases.items() for i in held(self.state, token)}
        due = {i: entry.attempt for entry in self.state.due for i in indexes(entry)}
        model = {"leased": leased, "due": due}
        for where, real in model.items():
            assert real == {i: e.attempt for i, e in enumerate(self.naive) if e.where == where}
        dead = [one.index for one in self.state.dead]
        assert sorted(dead) == [i for i, event in enumerate(self.naive) if event.where == "dead"]
        assert all(one.attempts == self.max_attempts for one in self.state.dead)


def held(state: State, token: str) -> list[int]:
    """The events that a lease still holds."""
    lease = state.leases[token]
    return [span.first + n for span in select(lease.spans, lease.left) for n in range(span.stop - span.start)]


def indexes(due: Due) -> list[int]:
    return [span.first + n for span in select(due.spans, due.left) for n in range(span.stop - span.start)]


_settlement = st.tuples(
    st.sampled_from(["ack", "nack", "release", "extend"]),
    st.integers(0, 5),
    st.one_of(st.none(), st.sets(st.integers(0, EVENTS - 1), min_size=1)),
    st.sampled_from([None, 0, 3]),
)
_step = st.tuples(st.sampled_from([0, 1, 3, 11, 40]), st.lists(_settlement, max_size=3), st.sampled_from([0, 1, 3, 8]))


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.integers(1, 4), st.lists(_step, min_size=1, max_size=25))
@example(ordered=True, max_attempts=1, steps=[(0, [], 8), (0, [("release", 0, {0, 1, 3}, None)], 3)])
@example(ordered=True, max_attempts=1, steps=[(0, [], 3), (0, [("nack", 0, {0}, None), ("nack", 0, {0, 1}, None)], 0)])
def test_every_schedule_ends_as_a_naive_model_has_it(
    ordered: bool, max_attempts: int, steps: list[tuple[int, list[Any], int]]
) -> None:
    """Acks, nacks, releases and extensions of all or some events, early or late, while time goes on."""
    subscriber = Subscriber(ordered, max_attempts)
    for wait_s, settlements, take in steps:
        subscriber.now += wait_s * SECOND
        said: dict[str, list[Settlement]] = {}
        for verb, number, events, delay_s in settlements:
            if subscriber.tokens:
                token = subscriber.tokens[-1 - number % len(subscriber.tokens)]
                named = (
                    None if events is None else [("orders", f"{sequence_prefix(0)}{i:020d}") for i in sorted(events)]
                )
                said.setdefault(verb, []).append(Settlement(token, named, delay_s))
        subscriber.call(Settlements(**said), take)
    for _ in range(200):
        if {event.where for event in subscriber.naive} <= {"dead", "settled"}:
            return
        subscriber.now += 700 * SECOND
        subscriber.call(take=8)
    raise AssertionError(subscriber.naive)
