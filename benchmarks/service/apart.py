"""What events cost in the cloud, where publish and get_events are processes of their own that share nothing but the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from benchmarks.service.ours import Counting, emulator_on
from benchmarks.service.prices import dollars
from benchmarks.service.processes import scratch
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsubclient import Event, Publisher, Service, Subscriber

__all__ = ["apart"]

_BATCHES = 200


def apart(_workers: Mapping[str, Worker], _sizes: Sizes) -> Figures:
    """Operations and dollars of a million events, each received before the next is published, over two processes."""
    figures: Figures = {"ours": {}}
    directory = scratch()
    with closing(emulator_on(directory)) as one, closing(emulator_on(directory)) as other:
        publishing, receiving = (server.line.rpartition(" ")[2] for server in (one, other))
        for batch in (1, 100):
            counted = _publish_and_receive(publishing, receiving, batch)
            each = {kind: count * 1e6 / (_BATCHES * batch) for kind, count in counted.items()}
            figures["ours"] |= {f"{kind} a million, batches of {batch}": count for kind, count in each.items()}
            figures["ours"][f"$ a million, batches of {batch}"] = dollars(**each)
    return figures


def _publish_and_receive(publishing: str, receiving: str, batch: int) -> dict[str, int]:
    """The operations of so many batches, after one that only warms up."""
    counting, topic = Counting(), f"apart{batch}"
    urls = {name: f"{publishing}/{name}" for name in ("register", "publish", "subscribe")}
    service = Service({**urls, "get_events": f"{receiving}/get_events"}, adapter=counting)
    publisher = Publisher("apart", service=service)
    with Subscriber(topic, service=service) as subscriber:
        subscriber.subscribe(topic)
        before: dict[str, int] = {}
        for number in range(_BATCHES + 1):
            publisher.publish([Event(topic, number) for _ in range(batch)])
            events = subscriber.get_events(max_events=batch)
            if [event.data for event in events] != [number] * batch:
                raise AssertionError(f"{len(events)} events of batch {number} came; {batch} expected")
            if not number:
                before = dict(counting.operations)
    return {kind: count - before[kind] for kind, count in counting.operations.items()}
