"""Each fetched event is in exactly one place at any time: not begun, running, decided, or settled.

Hypothesis chooses what happens, in which order; a second test lets many threads do it at once.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from pubsubclient import ReceivedEvent
from pubsubclient._core.clock import SYSTEM_CLOCK
from pubsubclient._events.lease import Lease
from pubsubclient._worker.handler import Consumer
from pubsubclient._worker.options import Options
from pubsubclient._worker.outcome import Outcome
from pubsubclient._worker.run import Run, Stage
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.source import Source
from worker.functions import FunctionHandler

_OUTCOMES = [
    Outcome("ack"), Outcome("retry"), Outcome("retry", delay_s=1.0), Outcome("reject", "no"), Outcome("pause", delay_s=0.0),
    Outcome("settled"), None,
]  # fmt: skip


class Book:
    """In place of `Outcomes`: what was decided, and by which verb."""

    def __init__(self) -> None:
        self.decided: dict[str, str] = {}
        self.doubled: list[str] = []

    def _add(self, verb: str, events: ReceivedEvent | Iterable[ReceivedEvent]) -> None:
        for event in [events] if isinstance(events, ReceivedEvent) else events:
            if event.id in self.decided:
                self.doubled.append(event.id)
            elif event.lease.decide(event.ref):
                self.decided[event.id] = verb
                if verb != "ack":
                    event.lease.recall_after(event.ref)

    def ack(self, events: Any) -> None:
        self._add("ack", events)

    def nack(self, events: Any, delay: Any = None, **options: Any) -> None:
        self._add("dead" if options.get("dead") else "nack", events)

    def release(self, events: Any, delay: Any = 0) -> None:
        self._add("release", events)


class Bench:
    """A schedule with one source, whose events are made here."""

    def __init__(self, *, ordered: bool, concurrency: int | None, batch: int | None = None) -> None:
        self.book = Book()
        self.ordered = ordered
        self.schedule = Schedule(lambda: None)
        lane = lambda event: event.subject  # noqa: E731
        handlers = [
            FunctionHandler(print, takes=lambda event: event.data % 3 == 0, lane=lane, concurrency=concurrency),
            FunctionHandler(
                print, takes=lambda event: event.data % 3 == 1, lane=lambda event: event.data % 4 or None, batch=batch
            ),
            FunctionHandler(print, takes=lambda event: event.data % 7 != 5),
        ]
        if ordered:
            handlers = [FunctionHandler(print, lane=lane)]
        consumer = Consumer("s", handlers, [])
        self.source = Source(consumer, None, self.book, Options())  # type: ignore[arg-type]
        self.events: dict[str, ReceivedEvent] = {}
        self._lock = threading.Lock()

    def fetch(self, count: int, subjects: int) -> Lease:
        settler = SimpleNamespace(subscriber="s", clock=SYSTEM_CLOCK, call=None)
        with self._lock:
            numbers = range(len(self.events), len(self.events) + count)
            refs = [("t", f"0000-{number:020}") for number in numbers]
            lease = Lease("1-a", refs, 600.0, SYSTEM_CLOCK.monotonic(), settler, ["t"] if self.ordered else [])  # type: ignore[arg-type]
            made = [
                ReceivedEvent(
                    {"topic": "t", "sequence": sequence, "id": str(number), "attempt": 1, "type": "event",
                     "data": number, "subject": f"s{number % subjects}"},
                    lease,
                )
                for number, (_, sequence) in zip(numbers, refs, strict=True)
            ]  # fmt: skip
            self.events.update((event.id, event) for event in made)
        self.schedule.add(self.source, made)
        return lease

    def places(self) -> Counter[str]:
        """In how many places each event is."""
        with self.schedule.lock:
            found: Counter[str] = Counter()
            for run in [*self.source.unbegun, *self.schedule.running]:
                found.update(event.id for event in run.events)
            for runs in self.source.set_aside.values():
                found.update(event.id for run in runs for event in run.events if event.ref not in event.lease.recalled)
            found.update(list(self.book.decided))
            # taken back by the service, or of a lease that is over
            found.update(
                event.id for event in self.events.values()
                if event.id not in found and (event.ref in event.lease.recalled or event.lease.gone)
            )  # fmt: skip
            return found

    def check(self) -> None:
        with self.schedule.lock:
            source, running = self.source, list(self.schedule.running)
            unbegun = list(source.unbegun)
            assert source.unbegun_events == sum(len(run.events) for run in unbegun)
            assert source.running == len(running)
            aside = [run for runs in source.set_aside.values() for run in runs]
            assert Counter(source.leases) == Counter(run.lease for run in [*unbegun, *running, *aside])
            assert all(run.stage is Stage.RUNNING for run in running)
            assert all(run.stage in {Stage.WAITING, Stage.READY} for run in unbegun)
            for gate in {id(gate): gate for run in [*unbegun, *running] for gate in run.gates}.values():
                inside = sum(gate in run.gates[: run.passed] for run in [*unbegun, *running])
                assert gate.inside == inside <= gate._limit
        assert self.book.doubled == [] or all(
            self.events[each].ref in self.events[each].lease.recalled for each in self.book.doubled
        )
        assert self.places() == Counter(dict.fromkeys(self.events, 1))


class ScheduleMachine(RuleBasedStateMachine):
    runs = Bundle("runs")
    leases = Bundle("leases")

    @initialize(ordered=st.booleans(), concurrency=st.sampled_from([None, 1, 2]), batch=st.sampled_from([None, 1, 3]))
    def begin(self, ordered: bool, concurrency: int | None, batch: int | None) -> None:
        self.bench = Bench(ordered=ordered, concurrency=concurrency, batch=batch)

    @rule(target=leases, count=st.integers(1, 12), subjects=st.integers(1, 4))
    def fetch(self, count: int, subjects: int) -> Lease:
        return self.bench.fetch(count, subjects)

    @rule(target=runs)
    def take(self) -> Any:
        run = self.bench.schedule._begin(self.bench.schedule._for_threads)
        return multiple() if run is None else run

    @rule(run=consumes(runs), outcome=st.sampled_from(_OUTCOMES))
    def end(self, run: Run, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.kind == "settled":
            self.bench.book.ack(run.events)
        self.bench.schedule.end(run, outcome)
        assert not self.bench.schedule.end(run, Outcome("ack"))

    @rule(lease=consumes(leases))
    def lose(self, lease: Lease) -> None:
        """The service may hold some of its events still: what nobody began is given back."""
        unbegun = [event.id for run in self.bench.source.unbegun if run.lease is lease for event in run.events]
        lease.lost = True
        self.bench.schedule.drop_lost(self.bench.source)
        assert self.bench.ordered or {self.bench.book.decided.get(each) for each in unbegun} <= {"release"}

    @rule()
    def stop(self) -> None:
        self.bench.schedule.stop([self.bench.source])
        assert not self.bench.source.unbegun

    @invariant()
    def is_in_one_place(self) -> None:
        if hasattr(self, "bench"):
            self.bench.check()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.schedule.cut()
            while (run := self.bench.schedule._begin(self.bench.schedule._for_threads)) is not None:
                self.bench.schedule.end(run, Outcome("ack"))
                self.bench.check()
            assert not self.bench.source.unbegun, "a run waits for ever"


ScheduleMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSchedule = ScheduleMachine.TestCase


@pytest.mark.parametrize("seed", range(20))
def test_threads_that_fetch_run_lose_and_stop_at_once_keep_every_event_in_one_place(seed: int) -> None:
    bench = Bench(ordered=seed % 4 == 0, concurrency=3)
    at_work: Counter[object] = Counter()
    broken: list[str] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        run, outcome = bench.schedule.take(), None
        while run is not None:
            with lock:
                at_work[run.gates[0] if run.gates else run] += 1
                if run.gates and at_work[run.gates[0]] > run.gates[0]._limit:
                    broken.append(f"{run!r}: its lane is taken")
            if chance.random() < 0.02:
                run.lease.lost = True
                bench.schedule.drop_lost(bench.source)
            outcome = chance.choice(_OUTCOMES[:5])
            with lock:
                at_work[run.gates[0] if run.gates else run] -= 1
            run = bench.schedule.take(run, outcome)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    chance = random.Random(seed)
    for _ in range(30):
        bench.fetch(chance.randint(1, 20), 4)
    if seed % 2:
        with bench.schedule.lock:
            bench.schedule.progress.wait_for(lambda: not bench.source.unbegun, 30)
    bench.schedule.stop([bench.source])
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert bench.schedule.await_idle(30)
    assert broken == []
    assert not bench.source.leases
    bench.check()
