"""Events that fail, by the rules alone: how often they come, when they die, and who dies with them."""

from __future__ import annotations

from typing import Any

import pytest

from pubsubservice.delivery.redelivery import Redelivery
from pubsubservice.log.batch import Batch, Origin, compress, document
from pubsubservice.storage.paths import batch_path
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases, Settlement, Settlements
from pubsubservice.subscribers.records import Lease, Subscription
from pubsubservice.subscribers.spans import Span, pack, select
from pubsubservice.subscribers.state import State

SECOND = 1_000_000
EVENTS = 100
POISON = 42


class OneBatch:
    """A reader of a topic whose only batch has a hundred events."""

    def __init__(self) -> None:
        lines = [b'{"id":"%d"}' % n for n in range(EVENTS)]
        fields = document(compress(lines), 0, [bytes(8)] * EVENTS, [Origin("p", EVENTS)])
        self._batch = Batch(Doc(batch_path("orders", 0, 1), fields, 0, 0))

    def fetch(self, places: Any) -> dict[Any, Batch]:
        return dict.fromkeys(places, self._batch)


class Story:
    """A subscriber that was handed out all hundred events in one lease."""

    def __init__(self, max_attempts: int) -> None:
        self.now = 1_000 * SECOND
        self.state = State.new("s")
        self.state.subscriptions["orders"] = Subscription(1, 10, [], max_attempts=max_attempts)
        packed = pack([Span(1, 0, 1, 0, EVENTS, 0)])
        self.state.leases["1-first"] = Lease(self.now + 10 * SECOND, 1, 10, EVENTS, packed)
        self._reader = OneBatch()
        self._tokens = 0

    def settle(self, **settlements: Any) -> None:
        leases = Leases(self.state, self.now)
        leases.settle(Settlements(**settlements))
        DeadLettering(leases).collect()

    def next_lease(self) -> tuple[str, list[int]] | None:
        """Wait until everything is due, and take what goes out then: its token, and the events; None when nothing is left."""
        self.now += 700 * SECOND
        leases = Leases(self.state, self.now)
        leases.expire()
        deaths = DeadLettering(leases)
        deaths.collect()
        due = Redelivery(self._reader, leases, deaths)  # type: ignore[arg-type]
        due.take(5_000)
        if not due.slices:
            return None
        self._tokens += 1
        token = f"{self.now}-{self._tokens}"
        leases.open(
            token, [(one.topic, one.piece) for one in due.slices], due.attempt, failed_as_group=due.failed_as_group
        )
        lease = self.state.leases[token]
        return token, [s.first + n for s in select(lease.spans, lease.left) for n in range(s.stop - s.start)]


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_an_event_dies_after_exactly_its_attempts(max_attempts: int) -> None:
    """Not settled in time, again and again; a settled one never comes again."""
    story = Story(max_attempts)
    story.settle(ack=[Settlement("1-first", [("orders", f"0000-{n:020d}") for n in range(EVENTS) if n != POISON])])
    handed = 1
    while found := story.next_lease():
        handed += 1
        assert found[1] == [POISON]
        assert not story.state.dead
    assert handed == max_attempts
    assert [(dead.index, dead.attempts) for dead in story.state.dead] == [(POISON, max_attempts)]


@pytest.mark.parametrize("nacked", [True, False])
@pytest.mark.parametrize("max_attempts", [2, 5])
def test_one_poison_event_takes_none_of_its_ninety_nine_neighbours_with_it(max_attempts: int, *, nacked: bool) -> None:
    """Whatever lease it is in fails as a whole: by a nack, or because its consumer died."""
    story = Story(max_attempts)
    settled: list[int] = []
    token, events = "1-first", [*range(EVENTS)]
    while True:
        if POISON not in events:
            settled += events
            story.settle(ack=[Settlement(token)])
        elif nacked:
            story.settle(nack=[Settlement(token)])
        found = story.next_lease()
        if found is None:
            break
        token, events = found
    assert sorted(settled) == [n for n in range(EVENTS) if n != POISON]
    assert [(dead.index, dead.attempts) for dead in story.state.dead] == [(POISON, max_attempts)]
