"""What one machine holds: bytes on disk, open connections, and processes that share a data directory."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.service.ours import emulator_on
from benchmarks.service.payloads import payloads
from benchmarks.service.processes import scratch
from benchmarks.service.rounds import Figures, percentile
from benchmarks.service.sizes import Sizes
from benchmarks.service.worker import Worker

from pubsubclient import Event, Publisher, Service

__all__ = ["connections", "disk", "sharing"]

_FILE = "pubsub.sqlite3"


def disk(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Bytes of the database file that an event takes, by how many events are in a request; and as JSON, for comparison."""
    figures: Figures = {}
    for kind in ("structured", "string"):
        figures[kind] = row = {}
        for batch, events in ((1, sizes.costs // 20), (100, sizes.costs), (1_000, sizes.costs)):
            data = payloads(kind, events)
            row["JSON, bytes"] = sum(map(len, data)) / events
            directory = scratch()
            with closing(emulator_on(directory)) as server:
                before = _size(directory)
                _publish(server.line.rpartition(" ")[2], kind, data, batch)
                row[f"on disk, batches of {batch}"] = (_size(directory) - before) / events
    return figures


def connections(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """Memory of the service with connections that are open and idle, and how long a request takes beside them."""
    figures: Figures = {}
    with closing(emulator_on(scratch())) as server, ExitStack() as opened:

        def connect() -> HTTPConnection:
            url = server.line.rpartition("/")[2]
            return opened.enter_context(closing(HTTPConnection(url, timeout=60)))

        used = connect()
        held = 0
        for count in (0, 1_000, 3_000):
            for _ in range(count - held):
                _ask(connect())
            held = count
            taken = [_ask(used) for _ in range(sizes.lone)]
            figures[f"{count} idle"] = {"MB": server.resident_mb(), "a request p50 ms": 1e3 * percentile(taken, 0.5)}
    return figures


def sharing(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """One event a request from four publishers, over 1, 2 and 4 services that share a data directory."""
    figures: Figures = {}
    each = sizes.lone * 4
    for services in (1, 2, 4):
        directory = scratch()
        with ExitStack() as stack:
            servers = [stack.enter_context(closing(emulator_on(directory))) for _ in range(services)]
            urls = [servers[number % services].line.rpartition(" ")[2] for number in range(4)]
            data = payloads("structured", each)
            threads = [
                threading.Thread(target=_publish, args=(url, f"shared{number}", data, 1))
                for number, url in enumerate(urls)
            ]
            started = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            figures[f"{services} services"] = {"publishes /s": 4 * each / (time.perf_counter() - started)}
    return figures


def _publish(url: str, topic: str, data: list[bytes], batch: int) -> None:
    publisher = Publisher(topic, service=Service(url))
    values = [json.loads(one) for one in data]
    for low in range(0, len(values), batch):
        publisher.publish([Event(topic, value) for value in values[low : low + batch]])


def _size(directory: Path) -> int:
    """Bytes of the database file, with all that is still in the write-ahead log."""
    with closing(sqlite3.connect(directory / _FILE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return (directory / _FILE).stat().st_size


def _ask(connection: HTTPConnection) -> float:
    """Send the smallest request there is; return the seconds until it is answered."""
    started = time.perf_counter()
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise AssertionError(f"refused with {response.status}")
    return time.perf_counter() - started
