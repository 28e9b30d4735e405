"""This project, as a user runs it: ``pubsub emulator`` over SQLite or over Google's Firestore emulator, and the SDK."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from benchmarks.service.processes import Server, scratch

from pubsubclient import Event, Publisher, Service, Subscriber
from pubsubclient._http.adapter import BoundedAdapter

__all__ = ["Counting", "Ours", "emulator", "emulator_on", "operations"]


def emulator(store: str, environment: Mapping[str, str] | None = None) -> Server:
    """The emulator over a new store: "sqlite" or "firestore"."""
    return (
        _started("--firestore", "google", environment=environment)
        if store == "firestore"
        else emulator_on(scratch(), environment)
    )


def emulator_on(directory: Path, environment: Mapping[str, str] | None = None) -> Server:
    """The emulator over a data directory."""
    return _started("--data-dir", str(directory), environment=environment)


def _started(*options: str, environment: Mapping[str, str] | None) -> Server:
    command = [sys.executable, "-m", "pubsub_emulator", "emulator", "--port", "0", *options]
    return Server(command, ready="pubsub emulator ready: ", more=environment)


def operations(response: requests.Response) -> dict[str, int]:
    """The store operations that a response says it was billed for: reads, writes, deletes."""
    parts = (part.partition("=") for part in response.headers["X-Store-Ops"].split(", "))
    return {name: int(count) for name, _, count in parts}


class Counting(BoundedAdapter):
    """The client's own adapter, which also adds up the store operations that answers say they were billed for."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = dict.fromkeys(("reads", "writes", "deletes"), 0)
        self.requests = 0

    def build_response(self, *arguments: Any, **named: Any) -> requests.Response:
        # not `send`: a batch writes requests and reads answers without it
        response: requests.Response = super().build_response(*arguments, **named)
        self.requests += 1
        for name, count in operations(response).items():
            self.operations[name] += count
        return response


class Ours:
    """A contender (see `contender`). Batches are published as lists, or by ``publisher.batch()`` if the label ends so."""

    def __init__(self, store: str, label: str) -> None:
        self.name = label
        self._in_background = label.endswith("batch()")
        self._server = emulator(store)
        self.url = self._server.line.rpartition(" ")[2]
        self.counting = Counting()
        self._service = Service(self.url, adapter=self.counting)
        self._publisher = Publisher("bench", service=self._service)

    def open(self, topic: str, subscribers: int) -> None:
        for number in range(subscribers):
            with Subscriber(f"{topic}-{number}", service=self._service) as subscriber:
                subscriber.subscribe(topic, ack_deadline=600)

    def lone(self, topic: str, payloads: Sequence[bytes]) -> list[float]:
        data = [json.loads(payload) for payload in payloads]
        taken = []
        for one in data:
            started = time.perf_counter()
            self._publisher.publish(topic, one)
            taken.append(time.perf_counter() - started)
        return taken

    def publish(self, topic: str, payloads: Sequence[bytes], batch: int) -> float:
        data = [json.loads(payload) for payload in payloads]
        started = time.perf_counter()
        if self._in_background:
            with self._publisher.batch() as going:
                for one in data:
                    going.publish(topic, one)
        else:
            for low in range(0, len(data), batch):
                self._publisher.publish([Event(topic, one) for one in data[low : low + batch]])
        return time.perf_counter() - started

    def drain(self, topic: str, subscriber: int, count: int, batch: int) -> float:
        seen: set[str] = set()
        got = 0
        with Subscriber(f"{topic}-{subscriber}", service=self._service) as consumer:
            started = time.perf_counter()
            for event in consumer.events(wait=0, max_events=batch):
                seen.add(event.sequence)
                got += 1
            taken = time.perf_counter() - started
        if (got, len(seen)) != (count, count):
            raise AssertionError(f"{got} events, {len(seen)} of them different; {count} expected")
        return taken

    def latencies(self, topic: str, count: int, interval_s: float) -> list[float]:
        self.open(topic, 1)
        arrived: dict[int, float] = {}
        listening = threading.Event()

        def listen() -> None:
            with Subscriber(f"{topic}-0", service=Service(self.url)) as consumer:
                listening.set()
                for event in consumer.events(wait=5):
                    arrived[event.data] = time.perf_counter()
                    if len(arrived) == count:
                        return

        thread = threading.Thread(target=listen)
        thread.start()
        listening.wait()
        time.sleep(0.3)  # until it waits
        sent = {}
        for number in range(count):
            time.sleep(interval_s)
            sent[number] = time.perf_counter()
            self._publisher.publish(Event(topic, number))
        thread.join()
        if arrived.keys() != sent.keys():
            raise AssertionError(f"{len(arrived)} of {count} arrived")
        return [arrived[number] - sent[number] for number in range(count)]

    def waited(self, topic: str, waiters: int, pause_s: float) -> list[float]:
        """Publish to subscribers that have waited for `pause_s`, each on its own topic; seconds from publish to receiver."""
        arrived: dict[int, float] = {}

        def listen(number: int) -> None:
            with Subscriber(f"{topic}-{number}-0", service=Service(self.url)) as consumer:
                [event] = consumer.get_events(wait=20)
                arrived[event.data] = time.perf_counter()

        threads = [threading.Thread(target=listen, args=(number,)) for number in range(waiters)]
        for number, thread in enumerate(threads):
            self.open(f"{topic}-{number}", 1)
            thread.start()
        time.sleep(pause_s)
        sent = {}
        for number in range(waiters):
            time.sleep(0.1)
            sent[number] = time.perf_counter()
            self._publisher.publish(Event(f"{topic}-{number}", number))
        for thread in threads:
            thread.join()
        return [arrived[number] - sent[number] for number in range(waiters)]

    def competing(self, topic: str, consumers: int, count: int, batch: int) -> tuple[float, int]:
        """Drain by several consumers of one subscriber; the seconds, and the calls that it took."""
        self.open(topic, 1)
        self.publish(topic, [b"%d" % number for number in range(count)], 1_000)
        seen: list[int] = []
        lock = threading.Lock()
        calls = [0] * consumers

        def consume(number: int) -> None:
            counting = Counting()
            with Subscriber(f"{topic}-0", service=Service(self.url, adapter=counting)) as consumer:
                while True:
                    events = consumer.get_events(max_events=batch)
                    with lock:
                        seen.extend(event.data for event in events)
                    if not events:
                        break
            calls[number] = counting.requests

        threads = [threading.Thread(target=consume, args=(number,)) for number in range(consumers)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = time.perf_counter() - started
        if sorted(seen) != list(range(count)):
            raise AssertionError(f"{len(seen)} of {count} arrived")
        return taken, sum(calls)

    def costs(self, topic: str, payloads: Sequence[bytes], batch: int) -> tuple[dict[str, int], float]:
        """Publish and deliver to one subscriber, in batches: store operations, and seconds of the server's CPU."""
        self.open(topic, 1)
        self._publisher.publish(topic, "warm")
        self.drain(topic, 0, 1, batch)
        before, cpu_before_s = dict(self.counting.operations), self._server.cpu_s()
        for low in range(0, len(payloads), batch):
            self._publisher.publish([Event(topic, json.loads(payload)) for payload in payloads[low : low + batch]])
        self.drain(topic, 0, len(payloads), batch)
        counted = {name: count - before[name] for name, count in self.counting.operations.items()}
        return counted, self._server.cpu_s() - cpu_before_s

    def commits(self, topic: str, subscriber: int) -> tuple[int, int]:
        """Drain a topic: its events, and how many commits they came with."""
        times: set[str] = set()
        events = 0
        with Subscriber(f"{topic}-{subscriber}", service=self._service) as consumer:
            for event in consumer.events(wait=0, max_events=1_000):
                times.add(event.recordedtime)
                events += 1
        return events, len(times)

    def address(self) -> str:
        """Where it serves."""
        return self.url

    def resident_mb(self) -> float:
        return self._server.resident_mb()

    def close(self) -> None:
        self._server.close()
