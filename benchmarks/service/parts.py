"""Where the time goes: each stage of a batched publish and of a drain by itself, without HTTP and threads between them."""

from __future__ import annotations

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.service.payloads import payloads
from benchmarks.service.processes import scratch
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubclient import Event
from pubsubclient._core.clock import SYSTEM_CLOCK
from pubsubclient._core.json import decode
from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._publish.chunks import RequestChunks, encode_request
from pubsubclient._publish.receipts import read_receipts
from pubsubservice.api.get_events import encode_response
from pubsubservice.api.publish import decode_publish, encode_receipts
from pubsubservice.api.subscribe import decode_subscribe
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.request import GetEvents
from pubsubservice.log.batch import compress
from pubsubservice.service import Service

__all__ = ["parts"]

_BATCH = 1_000


class _NoService:
    """Where no lease of this benchmark sends anything."""

    subscriber = "s"
    clock = SYSTEM_CLOCK
    service = None

    def call(self, *_: Any) -> None:
        """Nothing is settled."""

    def send(self, _: Any) -> dict[str, Any]:
        return {}


_Result = TypeVar("_Result")


def parts(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Stages of publishing and of receiving 1,000 events in one process, milliseconds at the median."""
    figures: Figures = defaultdict(dict)
    for kind in ("structured", "string"):
        with closing(SQLiteStore(Path(scratch()) / "parts.sqlite3")) as store:
            stages = _Stages()
            service = Service(store, Settings(), SystemRuntime())
            service.subscriptions.register("s")
            service.topics.register("t", None, None)
            service.subscriptions.subscribe(decode_subscribe(b'{"subscriber":"s","topic":"t"}'))
            sent = payloads(kind, _BATCH * max(5, sizes.batched // _BATCH))
            for low in range(0, len(sent), _BATCH):
                _publish(service, stages, [json.loads(payload) for payload in sent[low : low + _BATCH]])
            for _ in range(0, len(sent), _BATCH):
                _receive(service, stages)
        for stage, taken in stages.taken.items():
            figures[stage][f"{kind}, ms"] = statistics.median(taken)
    return dict(figures)


class _Stages:
    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)

    def time(self, stage: str, run: Callable[[], _Result]) -> _Result:
        started = time.perf_counter()
        result = run()
        self.taken[stage].append(1e3 * (time.perf_counter() - started))
        return result


def _publish(service: Service, stages: _Stages, data: list[Any]) -> None:
    events = stages.time("SDK: make events", lambda: [Event("t", one) for one in data])

    def request() -> bytes:
        chunks = RequestChunks(events, "/publishers/p", "here")
        sent = chunks.next()
        assert sent is not None
        return encode_request(sent, "p", chunks.since_us(sent, None))

    body = stages.time("SDK: encode the request", request)
    decoded = stages.time("service: check the events", lambda: decode_publish(body))
    stages.time("service: compress (part of the next)", lambda: compress([entry.line for entry in decoded.entries]))
    partition, places = stages.time("service: append", lambda: service.publish("t", "p", decoded.entries))
    answer = stages.time("service: encode receipts", lambda: encode_receipts(partition, decoded.entries, places))
    stages.time("SDK: read receipts", lambda: read_receipts(decode(answer), len(events)))


def _receive(service: Service, stages: _Stages) -> None:
    got = stages.time("service: get events", lambda: service.delivery.get_events(GetEvents("s", max_events=_BATCH)))
    answer = stages.time("service: encode the answer", lambda: encode_response(got))
    body = stages.time("SDK: decode the answer", lambda: decode(answer))

    def received() -> list[ReceivedEvent]:
        refs = [(members["topic"], members["sequence"]) for members in body["events"]]
        lease = Lease(body["lease"], refs, 30, 0, _NoService())
        return [ReceivedEvent(members, lease) for members in body["events"]]

    if len(stages.time("SDK: make received events", received)) != _BATCH:
        raise AssertionError(f"{len(body['events'])} events arrived; {_BATCH} expected")
