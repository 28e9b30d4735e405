"""A subscriber's document stays below Firestore's 1 MiB, however its consumers behave."""

from __future__ import annotations

import random

import pytest

from pubsubservice.core.settings import Bounds
from pubsubservice.log.position import Position
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.delays import Delays
from pubsubservice.subscribers.leases import Leases, Settlement, Settlements
from pubsubservice.subscribers.records import Lease, Subscription
from pubsubservice.subscribers.spans import Piece, Span, pack
from pubsubservice.subscribers.state import State

LIMIT = 1_048_576
SECOND = 1_000_000
BOUNDS = Bounds()


def crowded(batch: int, logs: int, name_length: int) -> State:
    """A state filled by the rules of handing out, until they stop new events."""
    state = State.new("s1")
    for n in range(logs):
        topic = f"{n:04d}" + "t" * (name_length - 4)
        far = Position(10**11, 3, 10**13, 1_700_000_000 * SECOND)
        state.subscriptions[topic] = Subscription(10_000 + n, 30, [far])
    fill_leases(state, batch, logs)
    return state


def fill_leases(state: State, batch: int, logs: int) -> None:
    """Ended tokens and open leases, until the rules stop new events."""
    for n in range(1_000):
        state.ended.add(f"{1_600_000_000 * SECOND + n}-old", b"s", BOUNDS.ended)
    seq = 10**11
    while len(state.leases) < BOUNDS.leases:
        state.size = len(bytes(state.fields()["state"]))  # type: ignore[arg-type]
        room = (BOUNDS.state_bytes - state.size) // 16 - state.unsettled(1_700_000_000 * SECOND)
        if room <= 0:
            break
        spans, events = [], 0
        while events < min(room, 5_000) and len(spans) < 256:
            n = random.randrange(logs)
            spans.append(Span(10_000 + n, 0, seq, 0, batch, 10**13 + seq * batch))
            seq += 1
            events += batch
        token = f"{1_700_000_000 * SECOND + len(state.leases)}-" + "r" * 40
        state.leases[token] = Lease(1_700_000_030 * SECOND, 1, 30, events, pack(spans))


def written(state: State) -> int:
    """The bytes of the document that would be written, and that can be read again."""
    fields = state.fields()
    State.read(Doc("subscribers/x", fields, 1, 1))
    return len(bytes(fields["state"]))  # type: ignore[arg-type]


def fill_delayed(state: State, logs: int) -> None:
    """As many delayed events as a subscriber may keep, each in a span and a second of its own."""
    delays = Delays(state, 1_700_000_000 * SECOND, BOUNDS.delayed)
    for n in range(BOUNDS.delayed):
        span = Span(10_000 + n % logs, 0, 10**11 + 7 * n, 3, 4, 10**13 + 9_001 * n)
        assert delays.add(Piece(span, 1), (1_700_000_000 + 17 * n) * SECOND)
    assert not delays.add(Piece(span, 1), 1_800_000_000 * SECOND)
    delays.keep()


@pytest.mark.parametrize("name_length", [10, 255])
def test_with_delayed_and_dead_events_and_their_reasons_it_is_below_the_limit_too(name_length: int) -> None:
    """All delayed events that are kept, then as many leases as go in, all nacked one by one for reasons of their own."""
    state = State.new("s" * 250)
    for n in range(3):
        topic = f"{n:04d}" + "t" * (name_length - 4)
        far = Position(10**11, 3, 10**13, 1_700_000_000 * SECOND)
        state.subscriptions[topic] = Subscription(
            10_000 + n, 30, [far], max_attempts=1, dead_letter_topic="d" * name_length
        )
    fill_delayed(state, 3)
    assert written(state) < LIMIT
    fill_leases(state, 20, 3)
    assert written(state) < LIMIT
    topics = state.topic_of()
    now = 1_700_000_001 * SECOND
    for number, (token, lease) in enumerate(list(state.leases.items())):
        span = lease.spans[0]
        event = (topics[span.number], f"{sequence_prefix(span.partition)}{span.first:020d}")
        reason = f"{number} " + "\U0001f4a5" * 200
        leases = Leases(state, now + number)
        leases.settle(Settlements(nack=[Settlement(token, [event], reason=reason), Settlement(token, reason=reason)]))
        DeadLettering(leases).collect()
        assert number % 50 or written(state) < LIMIT
    assert len(state.dead) <= BOUNDS.dead
    assert sum(dead.stored_bytes for dead in state.dead) < BOUNDS.dead_bytes + 2_000
    assert written(state) < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "logs", "name_length"), [(1, 1, 10), (2, 3, 255), (20, 1000, 255), (1000, 5, 40)])
def test_the_worst_document_stays_below_the_limit(batch: int, logs: int, name_length: int) -> None:
    """Every second event settled by name, then all expire, then come back one by one: always below 1 MiB."""
    random.seed(7)
    state = crowded(batch, logs, name_length)
    assert written(state) < LIMIT
    topics = state.topic_of()
    now = 1_700_000_001 * SECOND
    for number, (token, lease) in enumerate(list(state.leases.items())):
        named = [
            (topics[span.number], f"{sequence_prefix(span.partition)}{span.first + i:020d}")
            for span in lease.spans
            for i in range(0, span.stop - span.start, 2)
        ]
        if number % 2:
            Leases(state, now).settle(Settlements(ack=[Settlement(token, named)]))
        else:  # one by one, each at a time of its own
            nacks = [Settlement(token, [event], delay_s=40 * number + i) for i, event in enumerate(named[:40])]
            Leases(state, now).settle(Settlements(nack=nacks))
    assert written(state) < LIMIT
    Leases(state, 1_800_000_000 * SECOND).expire()
    assert not state.leases
    assert written(state) < LIMIT
