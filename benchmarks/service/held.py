"""What it costs the store that a subscriber waits: counted by the service, as its answers say."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import requests
from benchmarks.service.ours import Counting, operations
from benchmarks.service.prices import dollars
from benchmarks.service.rounds import Figures, alternate
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsubclient import Event, Publisher, Service, Subscriber

__all__ = ["held", "pair", "waited"]

Workers = Mapping[str, Worker]


class _Wait(NamedTuple):
    """A subscription that waits."""

    what: str
    topics: int
    #: whether it follows its topics by a pattern; otherwise it has only the first of them
    pattern: bool


_WAITS = (
    _Wait("1 topic", 1, pattern=False),
    *(_Wait(f"pattern, {count} log{'s' * (count > 1)}", count, pattern=True) for count in (1, 20, 100)),
)
#: until a request that was just sent waits for events, seconds
_SETTLED_S = 0.5
_numbers = itertools.count()
_HOUR_S = 3600


def held(workers: Workers, sizes: Sizes) -> Figures:
    """Reads of one `get_events` that waits and gets nothing, and dollars of an hour of them: what an idle worker costs."""
    figures: Figures = {}
    urls = {name: worker.call("address") for name, worker in workers.items()}
    keys = [(name, wait) for name in urls for wait in _WAITS]
    # all topics before the first look: a pattern reads each new topic once, whatever its name
    topics = {key: _topics(urls[key[0]], key[1].topics) for key in keys}
    subscribers = {key: _follower(urls[key[0]], topics[key], pattern=key[1].pattern) for key in keys}
    with ThreadPoolExecutor(len(subscribers)) as pool:
        waits = {key: pool.submit(_held, urls[key[0]], name, sizes.held_s) for key, name in subscribers.items()}
        for (name, wait), request in waits.items():
            reads = request.result()["reads"]
            hour = dollars(reads=reads * _HOUR_S / sizes.held_s, writes=0, deletes=0)
            figures.setdefault(name, {}).update({f"reads, {wait.what}": reads, f"$ an hour, {wait.what}": hour})
    return figures


def pair(workers: Workers, _sizes: Sizes) -> Figures:
    """Operations of a wait that an event ends, and of the request after it, which gets the event; and of loops.

    "Reads a get beyond 2" are of a loop that gets one event after the other, and acknowledges each with the next request.
    "Each waited for" is a loop of `events` that waits for every event, because they come one at a time; its dollars include
    the publishing.
    """
    figures: Figures = {}
    for name, worker in workers.items():
        url = worker.call("address")
        figures[name] = row = {}
        for what, pattern in (("1 topic", False), ("pattern, 1 log", True)):
            wait, get = _woken(url, pattern=pattern)
            row |= {f"wait: reads, {what}": wait["reads"], f"get: reads, {what}": get["reads"]}
            row[f"get: writes, {what}"] = get["writes"]
        row["loop: reads a get beyond 2"] = _loop(url, 300)
        counted = _waiting_loop(url, 10)
        row |= {f"each waited for: {what} an event": count for what, count in counted.items()}
        publishing = {"reads": 0, "writes": 1, "deletes": 0}
        row["each waited for: $ a million"] = dollars(
            **{kind: 1e6 * (counted[kind] + count) for kind, count in publishing.items()}
        )
    return figures


def waited(workers: Workers, sizes: Sizes) -> Figures:
    """From the publish to a receiver that has just begun to wait, and to one that has waited long: milliseconds."""

    def turn(worker: Worker, number: int) -> dict[str, float]:
        row = {}
        for what, pause_s in (("none", _SETTLED_S), ("long", sizes.waited_s)):
            taken = sorted(worker.call("waited", f"waited-{what}{number}", sizes.waiters, pause_s))
            row[f"p50 ms, wait: {what}"] = 1e3 * taken[len(taken) // 2]
        return row

    return alternate(workers, turn, 2)


def _topics(url: str, count: int) -> str:
    """Make topics; return what their names begin with."""
    prefix = f"held{next(_numbers)}"
    for number in range(count):
        _ask(url, "register", {"topic": f"{prefix}.{number}"})
    return prefix


def _follower(url: str, topics: str, *, pattern: bool) -> str:
    """Make a subscriber of topics. It looks until looks get no cheaper: the first ones read more."""
    _ask(url, "register", {"subscriber": topics})
    _ask(url, "subscribe", {"subscriber": topics, "topic": f"{topics}.*" if pattern else f"{topics}.0"})
    reads = [2**31]
    while len(reads) < 3 or reads[-1] < reads[-2]:
        reads.append(_ask(url, "get_events", {"subscriber": topics})[1]["reads"])
    return topics


def _held(url: str, subscriber: str, wait_s: int) -> dict[str, int]:
    """The operations of a wait, until its end or an event."""
    _, counted = _ask(url, "get_events", {"subscriber": subscriber, "wait_s": wait_s, "wake": True})
    return counted


def _woken(url: str, *, pattern: bool) -> tuple[dict[str, int], dict[str, int]]:
    """The operations of a wait that ends with an event, and of getting the event."""
    name = _follower(url, _topics(url, 1), pattern=pattern)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_held, url, name, 20)
        time.sleep(_SETTLED_S)
        Publisher("pair", service=Service(url)).publish(f"{name}.0", "an event")
        wait = waiting.result()
    answer, get = _ask(url, "get_events", {"subscriber": name})
    if len(answer["events"]) != 1:
        raise AssertionError(f"{len(answer['events'])} events came after the wait; 1 expected")
    return wait, get


def _loop(url: str, count: int) -> float:
    """Reads beyond two of a loop that gets so many events, one at a time, for each of its requests."""
    counting = Counting()
    with Subscriber("loop", service=Service(url, adapter=counting)) as consumer:
        consumer.subscribe("loop")
        Publisher("pair", service=Service(url)).publish([Event("loop", number) for number in range(count)])
        reads, calls = counting.operations["reads"], counting.requests
        for number in range(count):
            [event] = consumer.get_events(max_events=1)
            if event.data != number:
                raise AssertionError(f"event {event.data} came; {number} expected")
        return max(0, counting.operations["reads"] - reads - 2) / (counting.requests - calls)


def _waiting_loop(url: str, count: int) -> dict[str, float]:
    """Operations and requests an event of a loop that waits for each of so many events; the first two only warm up."""
    counting, topic = Counting(), f"waiting{next(_numbers)}"
    publisher = Publisher("pair", service=Service(url))
    before = {"requests": 0.0}

    def publish() -> None:
        time.sleep(_SETTLED_S)
        publisher.publish(topic, "an event")

    with Subscriber(topic, service=Service(url, adapter=counting)) as consumer, ThreadPoolExecutor(1) as pool:
        consumer.subscribe(topic)
        publishing = pool.submit(publish)
        for number, _ in enumerate(consumer.events(wait=20)):
            publishing.result()
            counted = {**counting.operations, "requests": counting.requests}
            if number == 1:
                before = counted
            if number == count + 1:
                return {kind: (counted[kind] - before[kind]) / count for kind in counted}
            publishing = pool.submit(publish)
    raise AssertionError("the loop has ended")


def _ask(url: str, function: str, body: dict[str, object]) -> tuple[dict[str, list[object]], dict[str, int]]:
    """An answer, and the store operations that it was billed for."""
    answer = requests.post(f"{url}/{function}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json(), operations(answer)
