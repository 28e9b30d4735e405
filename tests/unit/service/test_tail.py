"""What a process remembers of a log, so that publishing once does not cost a look back each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.api.publish import decode_publish
from pubsubservice.core.meter import start_meter
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A process that remembers few identities."""
    store = SQLiteStore(str(tmp_path / "store.db"))
    yield Service(store, Settings(known_identities=50, looked_back_identities=2_000), SystemRuntime())
    store.close()


def _publish(service: Service, *ids: str, since: int | None) -> int:
    """Publish events of these ids; returns the billed reads."""
    events = [{"specversion": "1.0", "id": i, "source": "/publishers/shop", "type": "event"} for i in ids]
    body = {"topic": "orders", "publisher": "shop", "events": events, "since": since}
    request = decode_publish(json.dumps(body).encode())
    meter = start_meter()
    service.publish(request.topic, request.publisher, request.entries, request.since, request.delay_s)
    return meter.reads


def test_a_second_look_back_reads_nothing(service: Service) -> None:
    """A client that names an old `since` for every event pays for one look back."""
    newest = 1 << 60
    for n in range(100):
        _publish(service, *(f"{n}-{m}" for m in range(10)), since=newest)
    assert _publish(service, "first", since=0) >= 90
    assert _publish(service, "second", since=0) == 0
    assert _publish(service, "0-0", since=0) <= 1  # the batch that has it, to compare the payload
    assert _publish(service, "third", since=0) == 0
