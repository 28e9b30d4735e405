"""A request whose wait was told of nothing: when it answers without another look, and when it looks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pubsub_emulator.memory.store import MemoryStore
from pubsubservice.core.settings import Bounds
from pubsubservice.delivery import reader
from stores.services import Calls, events
from stores.stood import Interrupted, later, process


class Quiet(Interrupted):
    """Its waits last as long as they may, and are told of nothing."""

    calls: Calls

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        self.happens()
        later(self.calls, timeout_s)
        return False


def quiet(store: MemoryStore, leases: int = 1_000) -> Quiet:
    waits = Quiet(store)
    waits.calls = process(waits, bounds=Bounds(leases=leases))
    return waits


def test_a_wait_that_was_told_of_nothing_answers_without_another_look() -> None:
    """It costs what an idle poll does; what came in its last moment is for the next request."""
    waits = quiet(MemoryStore())
    calls = waits.calls
    calls.subscribe("orders")
    calls.publish("orders")
    calls.drain()
    idle = calls.cost(calls.get).reads
    assert calls.cost(lambda: calls.get(wait_s=20)).reads == idle
    waits.happens = lambda: calls.publish("orders")
    assert events(calls.get(wait_s=20)) == []
    assert events(calls.get()) == [("orders", 1)]


def test_what_is_blocked_is_looked_at_once_more() -> None:
    """No document tells that another consumer has acknowledged what held the rest back."""
    store = MemoryStore()
    waits = quiet(store, leases=1)
    calls, other = waits.calls, process(store)
    calls.subscribe("orders", ack_deadline_s=600)
    calls.publish("orders", 2)
    lease = other.get(max_events=1).lease
    assert calls.get().blocked == "leases"
    waits.happens = lambda: other.get(lease, max_events=0)
    assert events(calls.get(wait_s=20)) == [("orders", 1)]


def test_what_a_pass_left_unread_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass has its bounds. Behind many events that no filter lets through, the ones that match are there already."""
    monkeypatch.setattr(reader, "MAX_FILTERED", 3)
    waits = quiet(MemoryStore())
    calls = waits.calls
    calls.subscribe("orders", filters=b'[{"exact": {"kind": "wanted"}}]')
    for _ in range(10):
        calls.publish("orders")
    calls.publish("orders", kind="wanted")
    waits.happens = lambda: pytest.fail("it waited for what is there")
    assert events(calls.get(wait_s=20)) == [("orders", 10)]


def test_what_becomes_due_during_a_wait_is_handed_out() -> None:
    """The lease of a consumer that is gone ends before the wait does."""
    waits = quiet(MemoryStore())
    calls = waits.calls
    calls.subscribe("orders", ack_deadline_s=5)
    calls.publish("orders")
    calls.get()
    waited: list[float] = []
    waits.happens = lambda: waited.append(calls.service.runtime.monotonic())
    calls.get(wait_s=20)
    assert len(waited) > 1
    assert waited[1] - waited[0] <= 5.5
