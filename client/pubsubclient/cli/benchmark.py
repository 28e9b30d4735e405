"""Measures a service: publishing, draining, and the lone round trip."""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from pubsubclient import Event, Publisher, Service, Subscriber, Topic
from pubsubclient._http.transport import Transport
from pubsubclient.cli.costs import Operations
from pubsubclient.cli.removing import remove

__all__ = ["TOPIC", "Benchmark", "Plan", "Result"]

#: the one topic of all benchmarks; it stays, and keeps events for ten minutes
TOPIC = "bench"
_RETENTION_S = 600
#: a phase begins no request after this long, seconds: with those on their way, the whole stays below a minute
_PHASE_S = 15.0
_ROUND_TRIPS = 50
_ROUND_TRIPS_S = 8.0


class Plan(NamedTuple):
    """How much is to be measured."""

    size: int
    events: int
    batch: int
    publishers: int
    consumers: int


class Result(NamedTuple):
    """What one phase showed: events, seconds, and how long each request, or round trip, took, seconds."""

    phase: str
    events: int
    seconds: float
    times_s: Sequence[float]
    spent: Operations

    def measures(self) -> dict[str, float | int]:
        """Return the figures."""
        per = 1e6 / self.events if self.events else 0.0
        return {
            "events": self.events,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.events / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(1000 * _quantile(self.times_s, 0.50), 2),
            "p99_ms": round(1000 * _quantile(self.times_s, 0.99), 2),
            **{f"{kind}_per_million": round(count * per) for kind, count in self.spent._asdict().items()},
            "dollars_per_million": round(self.spent.dollars * per, 4),
        }


class Benchmark:
    """One run, under names of its own. `close` removes them."""

    def __init__(self, service: Service, plan: Plan, spent: Callable[[], Operations]) -> None:
        self._service = service
        self._plan = plan
        self._spent = spent
        self._run = f"bench-{uuid.uuid4().hex[:8]}"
        Topic(TOPIC, retention=_RETENTION_S, service=service)
        self._subscriber = Subscriber(self._run, service=service)
        # other runs publish to the same topic
        self._subscriber.subscribe(TOPIC, start="latest", filters=[{"exact": {"type": self._run}}])
        self._publishers = [Publisher(f"{self._run}-{number}", service=service) for number in range(plan.publishers)]
        self._data = "x" * plan.size

    def publish(self) -> Result:
        """Publish the events, from as many threads as there are publishers."""
        share = -(-self._plan.events // self._plan.publishers)

        def run(publisher: Publisher, give_up: float) -> list[tuple[int, float]]:
            done, times = 0, []
            while done < share and time.monotonic() < give_up:
                events = [self._event() for _ in range(min(self._plan.batch, share - done))]
                began = time.monotonic()
                publisher.publish(events)
                times.append((len(events), time.monotonic() - began))
                done += len(events)
            return times

        return self._measure("publish", [partial(run, publisher) for publisher in self._publishers])

    def drain(self, count: int) -> Result:
        """Receive and acknowledge `count` events, in as many threads as there are consumers."""
        left = [count]
        lock = threading.Lock()

        def run(give_up: float) -> list[tuple[int, float]]:
            times = []
            while left[0] > 0 and time.monotonic() < give_up:
                began = time.monotonic()
                events = self._subscriber.get_events(self._plan.batch, wait=1)
                times.append((len(events), time.monotonic() - began))
                events.ack()
                with lock:
                    left[0] -= len(events)
            return times

        return self._measure("drain", [run] * self._plan.consumers)

    def round_trips(self) -> Result:
        """Publish single events, and receive each before the next."""

        def run(give_up: float) -> list[tuple[int, float]]:
            times: list[tuple[int, float]] = []
            while len(times) < _ROUND_TRIPS and time.monotonic() < give_up - _PHASE_S + _ROUND_TRIPS_S:
                began = time.monotonic()
                self._publishers[0].publish([self._event()])
                events = self._subscriber.get_events(1, wait=5)
                times.append((len(events), time.monotonic() - began))
                events.ack()
            return times

        return self._measure("round trip", [run])

    def close(self) -> None:
        """Remove the names of this run. Raises ServiceError, Unavailable."""
        transport = Transport.to(self._service)
        self._subscriber.unsubscribe(TOPIC)
        remove(transport, "subscriber", self._run)
        for publisher in self._publishers:
            remove(transport, "publisher", publisher.name)

    def _event(self) -> Event:
        return Event(TOPIC, self._data, type=self._run)

    def _measure(self, phase: str, parts: Sequence[Callable[[float], list[tuple[int, float]]]]) -> Result:
        """Run the parts in threads; returns what they did together. Raises what the first failed part raised."""
        before, began = self._spent(), time.monotonic()
        done: list[list[tuple[int, float]]] = []
        failed: list[Exception] = []

        def run(part: Callable[[float], list[tuple[int, float]]]) -> None:
            try:
                done.append(part(began + _PHASE_S))
            except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
                failed.append(error)

        threads = [threading.Thread(target=run, args=(part,), daemon=True) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        pairs = [pair for part in done for pair in part if pair[0]]
        times = [seconds for _, seconds in pairs]
        return Result(
            phase, sum(count for count, _ in pairs), time.monotonic() - began, times, self._spent().minus(before)
        )


def _quantile(values: Sequence[float], share: float) -> float:
    if len(values) < 2:
        return sum(values)
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
