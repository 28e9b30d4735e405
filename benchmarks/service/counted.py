"""Whether the operations that answers name are those that the service asks of its store: counted in both places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from benchmarks.service.ours import Counting
from benchmarks.service.processes import scratch
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubclient import Event, Publisher, Service, Subscriber
from pubsubservice.storage.port import Fields, Page, Reads

__all__ = ["counted"]

_BATCH = 100


class _CountingStore(SQLiteStore):
    """Counts what is asked of it, by the arguments of each call and without the service's meter."""

    def __init__(self, path: str) -> None:
        self.operations = dict.fromkeys(("reads", "writes", "deletes"), 0)
        super().__init__(path)

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        self.operations["reads"] += len(paths)
        return super().get_many(paths, fields)

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        page = super().list(collection, after, limit, fields)
        self.operations["reads"] += max(1, len(page.docs))
        return page

    def create(self, path: str, data: Fields) -> int:
        self.operations["writes"] += 1
        return super().create(path, data)

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        self.operations["writes"] += 1
        return super().update(path, data, if_update_time)

    def remove(self, path: str, if_update_time: int) -> None:
        self.operations["deletes"] += 1
        super().remove(path, if_update_time)

    def delete(self, paths: Sequence[str]) -> None:
        self.operations["deletes"] += len(paths)
        super().delete(paths)


def counted(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Operations of events that are published and received, alone and in batches: by the answers, and by the store's calls."""
    figures: Figures = {"X-Store-Ops": {}, "calls of the store": {}}
    counting = Counting()
    with closing(_CountingStore(str(scratch() / "counted.sqlite3"))) as store, Emulator(store) as emulator:
        service = Service(emulator.url, adapter=counting)
        publisher = Publisher("counted", service=service)
        for what, batch, events in (("alone", 1, sizes.costs // 20), (f"batches of {_BATCH}", _BATCH, sizes.costs)):
            before, asked_before = dict(counting.operations), dict(store.operations)
            _publish_and_receive(publisher, service, batch, events)
            for name, now, then in (
                ("X-Store-Ops", counting.operations, before),
                ("calls of the store", store.operations, asked_before),
            ):
                figures[name] |= {f"{kind}, {events:,} {what}": now[kind] - then[kind] for kind in now}
    if figures["X-Store-Ops"] != figures["calls of the store"]:
        raise AssertionError(f"answers name other operations than the store was asked for: {figures}")
    return figures


def _publish_and_receive(publisher: Publisher, service: Service, batch: int, events: int) -> None:
    topic = f"counted{batch}"
    with Subscriber(topic, service=service) as subscriber:
        subscriber.subscribe(topic)
        for low in range(0, events, batch):
            publisher.publish([Event(topic, number) for number in range(low, low + batch)])
        for event in subscriber.events(wait=1, max_events=batch):
            if event.data == events - 1:
                break
