"""What a process remembers of a subscriber's document: what it saves, and that nothing else shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pubsub_emulator.memory.store import MemoryStore
from pubsubservice.core.meter import Meter
from pubsubservice.core.problems import NotFound
from pubsubservice.delivery.request import GetEvents
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.leases import Settlement, Settlements
from stores.services import Calls, events
from stores.stood import Interrupted, StoodClock, later, process

SECOND_US = 1_000_000


def total(meters: Sequence[Meter]) -> tuple[int, int]:
    """Reads and writes."""
    return sum(meter.reads for meter in meters), sum(meter.writes for meter in meters)


def test_a_fetch_loop_of_one_process_reads_hardly_anything(store: Store) -> None:
    """It wrote the subscriber's document and the batches itself: two reads, and one more in a hundred calls at most."""
    calls = process(store)
    calls.subscribe("orders")
    for _ in range(100):
        calls.publish("orders")
    lease: str | None = None
    meters = []
    for number in range(100):

        def fetch() -> None:
            nonlocal lease
            answer = calls.get(lease, max_events=1)
            assert events(answer) == [("orders", number)]  # noqa: B023 - called at once
            lease = answer.lease

        meters.append(calls.cost(fetch))
    reads, writes = total(meters)
    assert reads <= 2 + 1
    assert writes == 100


def test_events_that_come_one_by_one_cost_a_read_each(store: Store) -> None:
    """Each call acknowledges the event of the last one and finds a new one; what it reads is that nothing is behind it."""
    calls = process(store)
    calls.subscribe("orders")
    lease: str | None = None
    costs = []
    for _ in range(10):
        calls.publish("orders")

        def fetch() -> None:
            nonlocal lease
            lease = calls.get(lease).lease

        costs.append(total([calls.cost(fetch)]))
    assert costs[2:] == [(1, 1)] * 8


def test_an_answer_without_events_is_judged_on_a_read(store: Store) -> None:
    """After what it wrote, an idle poll costs what it always costs: what was looked up before the read is not read again."""
    calls = process(store)
    topics = ("orders", "stock", "bills")
    for topic in topics:
        calls.subscribe(topic)
        calls.publish(topic)
    lease = calls.get().lease
    calls.get(lease)
    for _ in range(2):
        assert total([calls.cost(calls.get)]) == (1 + len(topics), 0)


@pytest.mark.parametrize(("subscribed", "logs"), [("orders.0", 1), ("orders.*", 1), ("orders.*", 20)])
def test_the_fetch_after_a_wait_reads_nothing_again(store: Store, subscribed: str, logs: int) -> None:
    """The wait that an event ends has read all that the next request needs, if the same process has that."""
    waits = Interrupted(store)
    calls, other = process(waits), process(store)
    calls.subscribe(subscribed)
    for log in range(logs):
        other.publish(f"orders.{log}")
    calls.drain()
    waits.happens = lambda: other.publish("orders.0")
    answer = calls.get(wait_s=20, wake=True)
    assert answer.woken
    assert not answer.slices

    def fetch() -> None:
        assert events(calls.get()) == [("orders.0", 1)]

    assert total([calls.cost(fetch)]) == (0, 1)


def test_another_process_fetches_what_a_wait_was_woken_for(store: Store) -> None:
    """It reads: the subscriber, the registry, and of each log what is next; of the one with the event one or two more."""
    waits = Interrupted(store)
    calls, other = process(waits), process(store)
    calls.subscribe("orders.*")
    for log in range(5):
        other.publish(f"orders.{log}")
    calls.drain()
    other.get()
    waits.happens = lambda: other.publish("orders.0")
    assert calls.get(wait_s=20, wake=True).woken

    def fetch() -> None:
        assert events(other.get()) == [("orders.0", 1)]

    reads, writes = total([other.cost(fetch)])
    assert reads <= 5 + 3
    assert writes == 1
    assert events(calls.get()) == []  # what the wait read is out of date: it is not handed out twice


def test_what_is_remembered_is_not_used_after_a_second(store: Store) -> None:
    """Nor if the process's clock were to go back."""
    calls = process(store)
    calls.subscribe("orders")
    for seconds in (0.9, 1.1, -5.0):
        calls.publish("orders")
        calls.get(calls.get().lease)  # acknowledges, and writes
        calls.publish("orders")
        later(calls, seconds)
        used = total([calls.cost(lambda: calls.get(max_events=1))])[0] == 0
        assert used == (seconds == 0.9)
        calls.drain()


def test_after_a_conflict_the_document_is_read_for_ten_seconds(store: Store) -> None:
    """Two processes take turns: one update is lost, and then none until ten seconds later."""
    one, two = process(store), process(store)
    one.subscribe("orders")
    for _ in range(40):
        one.publish("orders")

    def turn(calls: Calls) -> int:
        meter = calls.cost(lambda: calls.get(max_events=1))
        return meter.writes

    assert [turn(one), turn(two)] == [1, 1]
    assert turn(one) == 2  # it remembered what `two` has changed
    assert [turn(calls) for _ in range(5) for calls in (two, one)] == [2, *[1] * 9]
    for calls in (one, two):
        later(calls, 10.1)
    assert [turn(one), turn(two), turn(one)] == [1, 1, 2]


def test_after_a_dead_letter_no_update_is_lost(store: Store) -> None:
    """Publishing it changed the document once more: the process does not take what it wrote before for the newest."""
    calls = process(store)
    calls.subscribe("orders", max_attempts=1)
    calls.publish("orders")
    calls.publish("orders")
    lease = calls.get(max_events=1).lease
    calls.service.delivery.get_events(_nack(lease))
    assert calls.state().deaths == 1
    assert calls.state().dead == []
    assert calls.cost(lambda: calls.get(max_events=1)).writes == 1


def test_a_removed_subscriber_is_not_remembered(store: Store) -> None:
    """Another process removes it: the next request is told so, and sees nothing of it when it is registered again."""
    one, two = process(store), process(store)
    one.subscribe("orders")
    one.publish("orders", 2)
    one.get(max_events=1)
    two.service.removal.remove("subscriber", "S", _token(two))
    with pytest.raises(NotFound):
        one.get(max_events=1)
    one.service.subscriptions.register("S")
    one.subscribe("orders")
    one.publish("orders", 2)
    one.get(max_events=1)
    two.service.removal.remove("subscriber", "S", _token(two))
    two.service.subscriptions.register("S")
    answer = one.get(max_events=1)
    assert events(answer) == []
    assert two.state().leases == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_a_fork_and_its_parent_take_no_event_twice(tmp_path: Path) -> None:
    """Both remember the same document; of two updates from it the store takes one."""
    found = subprocess.run(
        [sys.executable, "-c", _FORKS, str(tmp_path / "store.sqlite3")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert sorted(map(int, found.stdout.split())) == [0, 1, 2, 3, 4, 5]


#: takes an event, forks, and has child and parent take the others by turns; prints the numbers of all
_FORKS = """
import os, sys
from stores.opening import open_store
from stores.services import events
from stores.stood import process

calls = process(open_store(f"sqlite:{sys.argv[1]}"))
calls.subscribe("orders")
for _ in range(6):
    calls.publish("orders")

def take(count):
    for _ in range(count):
        for _, number in events(calls.get(max_events=1)):
            print(number, flush=True)

take(2)
child = os.fork()
take(2)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class TestOfTimes:
    """What begins from memory lasts as long as what begins after a read. The store's clock and the process's go together."""

    @pytest.fixture(autouse=True)
    def clock_of_this_test(self) -> None:
        self.clock = StoodClock()

    @pytest.fixture
    def calls(self) -> Calls:
        store = MemoryStore(now=lambda: round(self.clock.seconds * SECOND_US))
        return Calls(store, runtime=self.clock)

    def after(self, calls: Calls, seconds: float) -> int:
        """Let a process write the document, and then the time pass; returns the store's time."""
        calls.subscribe("orders", ack_deadline_s=1, backoff_s=0)
        calls.publish("orders", 3)
        calls.get(max_events=1)
        self.clock.seconds += seconds
        return round(self.clock.seconds * SECOND_US)

    def test_a_lease_of_a_second_lasts_almost_a_second(self, calls: Calls) -> None:
        """It began up to a second after the time that its state is of."""
        now = self.after(calls, 0.9)
        answer = calls.get(max_events=1)
        assert now + 0.94 * SECOND_US < answer.until <= now + SECOND_US

    def test_a_delay_is_not_shorter(self, calls: Calls) -> None:
        """Released for ten seconds, an event is due then, or within the second after."""
        now = self.after(calls, 0.9)
        (lease,) = calls.state().leases
        calls.service.delivery.get_events(_release(lease, 10))
        (due,) = calls.state().due
        assert now + 9.9 * SECOND_US <= due.at <= now + 11 * SECOND_US

    def test_the_wait_for_a_lease_to_expire_is_not_longer(self) -> None:
        """An idle poll looks again when the lease of somebody else has expired, not a second later."""
        waited: list[float | None] = []

        def wait(condition: object, found: Callable[[], bool], timeout: float | None = None) -> bool:
            waited.append(timeout)
            self.clock.seconds += timeout or 0.0
            return False

        store = MemoryStore(now=lambda: round(self.clock.seconds * SECOND_US), wait=wait)
        calls = Calls(store, runtime=self.clock)
        calls.subscribe("orders", ack_deadline_s=5)
        calls.publish("orders", 2)
        calls.get(max_events=1)
        lease = calls.get(max_events=1).lease
        self.clock.seconds += 0.9
        calls.get(lease, wait_s=20)  # writes the ack, so it is judged from memory
        assert waited[0] is not None
        assert 4.0 <= waited[0] <= 4.2


def _token(calls: Calls) -> str:
    return f"{calls.store.get_many([subscriber_path('S')]).time}-1"


def _nack(lease: str | None) -> GetEvents:
    assert lease is not None
    return GetEvents("S", Settlements(nack=[Settlement(lease)]), max_events=0)


def _release(lease: str, delay_s: float) -> GetEvents:
    return GetEvents("S", Settlements(release=[Settlement(lease, delay_s=delay_s)]), max_events=0)
