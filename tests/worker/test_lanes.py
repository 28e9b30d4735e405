"""Events of one lane run one after another; an ordered topic is a lane, or has lanes by subject."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from itertools import pairwise

import pytest

from pubsubclient import Event, Publisher, ReceivedEvent, Service, Subscriber
from pubsubclient._worker.worker import Worker
from worker.conftest import Seen
from worker.functions import FunctionHandler, consumer

Start = Callable[..., Worker]

_SUBJECTS = 16


def by_topic(event: ReceivedEvent) -> Hashable:
    return event.topic


def by_subject(event: ReceivedEvent) -> Hashable:
    return event.subject


class Timeline:
    """When each event's handler began and ended."""

    def __init__(
        self,
        seen: Seen,
        seconds: float,
        fails: Callable[[ReceivedEvent], bool] = lambda event: False,
        meets: Callable[[int], object] = lambda number: None,
    ) -> None:
        self._seen = seen
        self._seconds = seconds
        self._fails = fails
        self._meets = meets
        self._lock = threading.Lock()
        #: by subject: the numbers in the order in which their handlers began, and how many were at work together
        self.begun: dict[str, list[int]] = defaultdict(list)
        self.all: list[int] = []
        self.at_once: dict[str, int] = defaultdict(int)
        self.most: dict[str, int] = defaultdict(int)
        self.most_of_all = 0

    def __call__(self, event: ReceivedEvent) -> None:
        subject = str(event.subject)
        with self._lock:
            self.begun[subject].append(event.data)
            number = len(self.all)
            self.all.append(event.data)
            self.at_once[subject] += 1
            self.most[subject] = max(self.most[subject], self.at_once[subject])
            self.most_of_all = max(self.most_of_all, sum(self.at_once.values()))
        self._meets(number)
        time.sleep(self._seconds)
        with self._lock:
            self.at_once[subject] -= 1
        if self._fails(event):
            raise ValueError("bad")
        self._seen.add(event)

    __module__ = "tests"
    __name__ = "timeline"


def publish(service: Service, name: str, count: int) -> None:
    Publisher("shop", service=service).publish([Event(name, n, subject=f"s{n % _SUBJECTS}") for n in range(count)])


def inversions(numbers: list[int]) -> int:
    return sum(after < before for before, after in pairwise(numbers))


def test_an_ordered_topic_is_one_lane(start: Start, service: Service, name: str, seen: Seen) -> None:
    timeline = Timeline(seen, 0.01)
    publish(service, name, 100)
    start(consumer(name, name, FunctionHandler(timeline, lane=by_topic), ordered=True), concurrency=8)
    seen.wait_for(100)
    assert timeline.all == list(range(100))
    assert timeline.most_of_all == 1


def test_lanes_by_subject_keep_every_thread_at_work(start: Start, service: Service, name: str, seen: Seen) -> None:
    """Eight events of eight subjects are at work together, six times: each handler waits for seven others.

    By then, no more than eight of the sixteen subjects can have run out of events.
    """
    eight = threading.Barrier(8)
    timeline = Timeline(seen, 0.01, meets=lambda number: number < 48 and eight.wait(60))
    publish(service, name, 100)
    start(consumer(name, name, FunctionHandler(timeline, lane=by_subject), ordered=True), concurrency=8)
    seen.wait_for(100)
    assert not eight.broken
    assert {subject: inversions(numbers) for subject, numbers in timeline.begun.items()} == {
        f"s{n}": 0 for n in range(_SUBJECTS)
    }
    assert set(timeline.most.values()) == {1}


@pytest.mark.parametrize("lane", [by_topic, by_subject])
def test_after_a_failure_nothing_newer_of_its_lane_runs_before_it(
    start: Start, service: Service, name: str, seen: Seen, lane: Callable[[ReceivedEvent], Hashable]
) -> None:
    timeline = Timeline(seen, 0.01, fails=lambda event: event.data == 20 and event.attempt == 1)
    publish(service, name, 60)
    start(consumer(name, name, FunctionHandler(timeline, lane=lane), ordered=True, backoff=0), concurrency=8)
    while {event.data for event in seen.wait_for(1)} != set(range(60)):
        seen.wait_for(len(seen.events) + 1)
    numbers = [event.data for event in seen.events if lane is by_topic or event.subject == "s4"]
    expected = list(range(60)) if lane is by_topic else list(range(4, 60, _SUBJECTS))
    assert list(dict.fromkeys(numbers)) == expected


def test_at_a_stop_what_runs_counts_though_older_events_of_the_topic_go_back(
    start: Start, service: Service, subscriber: Subscriber, name: str, seen: Seen
) -> None:
    """The release of an event takes back what is behind it, so it has to wait for what runs."""
    go_on, at_work = threading.Event(), threading.Semaphore(0)

    def handle(event: ReceivedEvent) -> None:
        at_work.release()
        if event.data:
            go_on.wait(60)
        seen.add(event)

    subscriber.subscribe(name, ordered=True)
    worker = start(
        consumer(name, name, FunctionHandler(handle, lane=by_subject), ordered=True), concurrency=2, prefetch=60
    )
    Publisher("shop", service=service).publish(Event(name, 0))
    seen.wait_for(1)  # from here on, it holds many
    Publisher("shop", service=service).publish(
        [
            Event(name, 1, subject="a"),
            Event(name, 2, subject="a"),
            Event(name, 3, subject="b"),
            Event(name, 4, subject="b"),
        ]
    )
    for _ in range(3):
        assert at_work.acquire(timeout=60)
    worker.stop()
    give_up = time.monotonic() + 60
    while not worker.state()["stopping"]:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    go_on.set()
    assert worker.join(60)
    assert sorted(seen.runs) == [(0, 1), (1, 1), (3, 1)]
    assert [(event.data, event.attempt) for event in subscriber.get_events(wait=5)] == [(2, 1), (4, 1)]


def test_lanes_of_an_unordered_topic_keep_the_order_within_a_worker(
    start: Start, service: Service, name: str, seen: Seen
) -> None:
    timeline = Timeline(seen, 0.005)
    publish(service, name, 100)
    start(consumer(name, name, FunctionHandler(timeline, lane=by_subject)), concurrency=8)
    seen.wait_for(100)
    assert all(inversions(numbers) == 0 for numbers in timeline.begun.values())


def test_a_handlers_concurrency_bounds_its_runs(start: Start, service: Service, name: str, seen: Seen) -> None:
    timeline = Timeline(seen, 0.01)
    publish(service, name, 40)
    together, most, lock = 0, 0, threading.Lock()

    def handle(event: ReceivedEvent) -> None:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        timeline(event)
        with lock:
            together -= 1

    start(consumer(name, name, FunctionHandler(handle, concurrency=2)), concurrency=8)
    seen.wait_for(40)
    assert most == 2
