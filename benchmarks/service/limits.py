"""What each step costs by itself: no service can be faster than its store, its codec and its HTTP."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import orjson
from benchmarks.service.payloads import payloads
from benchmarks.service.processes import scratch
from benchmarks.service.rounds import Figures
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsub_emulator.google_firestore.process import start_emulator
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.log.batch import compress
from pubsubservice.storage.firestore.store import FirestoreStore
from pubsubservice.storage.port import Store

__all__ = ["limits"]

_BATCH = 1_000


def limits(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Bare operations, milliseconds at the median: documents of one event and of 1,000, created and read; codecs and zstd."""
    events = payloads("structured", _BATCH)
    blob = compress(events)
    turns = sizes.lone
    with closing(SQLiteStore(Path(scratch()) / "limits.sqlite3")) as store:
        figures = {"SQLite": _operations(store, events[0], blob, turns)}
    with start_emulator() as address, closing(FirestoreStore("limits", emulator=address)) as store:
        figures["Firestore's emulator"] = _operations(store, events[0], blob, turns)
    answer = b"[" + b",".join(events) + b"]"
    values = json.loads(answer)
    codecs: dict[str, Callable[[], object]] = {
        "encode 1,000 ms, orjson": lambda: [orjson.dumps(value) for value in values],
        "encode 1,000 ms, json": lambda: [json.dumps(value) for value in values],
        "decode 1,000 ms, orjson": lambda: orjson.loads(answer),
        "decode 1,000 ms, json": lambda: json.loads(answer),
        "compress 1,000 ms, zstd": lambda: compress(events),
    }
    figures["codec"] = {name: _median_ms(lambda _, run=run: run(), sizes.rounds * 3) for name, run in codecs.items()}  # type: ignore[misc]
    return figures


def _operations(store: Store, one: bytes, blob: bytes, turns: int) -> dict[str, float]:
    few = max(5, turns // 10)
    return {
        "create, 1 event ms": _median_ms(lambda n: store.create(f"one/{n}", {"blob": one}), turns),
        "create, 1,000 events ms": _median_ms(lambda n: store.create(f"many/{n}", {"blob": blob}), few),
        "read, 1,000 events ms": _median_ms(lambda n: store.get_many([f"many/{n}"]), few),
    }


def _median_ms(run: Callable[[int], object], turns: int) -> float:
    taken = []
    for number in range(turns):
        started = time.perf_counter()
        run(number)
        taken.append(1e3 * (time.perf_counter() - started))
    return statistics.median(taken)
