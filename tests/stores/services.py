"""The service over a store, without HTTP, with times that a test can wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pubsubservice.admin.subscriptions import Subscribe
from pubsubservice.core.meter import Meter, start_meter
from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.events.entry import Entry, identity
from pubsubservice.log.seek import StartPosition
from pubsubservice.service import Service
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.leases import Settlement, Settlements
from pubsubservice.subscribers.state import State

__all__ = ["Calls", "until"]


class Calls:
    """Calls of one service, with one subscriber."""

    def __init__(
        self, store: Store, *, safety_window_s: float = 300.0, runtime: Runtime | None = None, **settings: int
    ) -> None:
        self.store = store
        limits = Settings(safety_window_s=safety_window_s, **settings)  # type: ignore[arg-type]
        self.service = Service(store, limits, runtime or SystemRuntime())
        self.service.subscriptions.register("S")
        self._published = 0

    def publish(
        self, topic: str, count: int = 1, publisher: str = "P", delay_s: float = 0.0, **attributes: str
    ) -> list[tuple[int, int]]:
        """Publish events with numbers for ids; returns their log indexes and commit times."""
        more = "".join(f',"{name}":"{value}"' for name, value in attributes.items())
        entries = []
        for _ in range(count):
            event_id = str(self._published)
            self._published += 1
            line = f'{{"specversion":"1.0","id":"{event_id}","source":"s","type":"t"{more}}}'.encode()
            entries.append(Entry(event_id, "s", identity(publisher, "s", event_id), line))
        return self.service.publish(topic, publisher, entries, delay_s=delay_s)[1]

    def subscribe(self, topic: str, **settings: Any) -> dict[str, Any]:
        return self.service.subscriptions.subscribe(self.request(topic, **settings))

    def request(self, topic: str, **settings: Any) -> Subscribe:
        others = {name: settings.pop(name) for name in Subscribe._fields if name in settings}
        return Subscribe("S", topic, settings=settings, **others)

    def get(self, *ack: str | None, **request: Any) -> GetEventsResponse:
        """One call of get_events."""
        settlements = Settlements(ack=[Settlement(token) for token in ack if token])
        return self.service.delivery.get_events(GetEvents("S", settlements, **request))

    def drain(self, **request: Any) -> list[tuple[str, int]]:
        """Get and ack until nothing is left: (topic, log index) of each event."""
        found: list[tuple[str, int]] = []
        answer = self.get(**request)
        while answer.slices or answer.more:
            found += events(answer)
            answer = self.get(answer.lease, **request)
        return found

    def drain_of(self, topic: str, place: StartPosition) -> list[tuple[int, int]]:
        """Seek, get and ack until nothing is left: (partition, log index) of each event."""
        self.subscribe(topic, seek=place)
        found: list[tuple[int, int]] = []
        answer = self.get()
        while answer.slices:
            for slice_ in answer.slices:
                found += [(slice_.span.partition, slice_.span.first + n) for n in range(len(slice_.lines))]
            answer = self.get(answer.lease)
        return found

    def state(self) -> State:
        doc = self.store.get_many([subscriber_path("S")]).docs[0]
        assert doc is not None
        return State.read(doc)

    def cost(self, call: Callable[[], object]) -> Meter:
        """What a call is billed for."""
        meter = start_meter()
        call()
        return meter


def events(answer: GetEventsResponse) -> Sequence[tuple[str, int]]:
    """(topic, log index) of each event of an answer."""
    return [
        (slice_.topic, slice_.span.first + bit)
        for slice_ in answer.slices
        for bit in range(slice_.picked.bit_length())
        if slice_.picked >> bit & 1
    ]


def until(found: Callable[[], object]) -> None:
    """Ask again until there is what is looked for; the test's own time limit ends a vain wait."""
    while not found():
        pass
