"""What one machine holds: bytes on disk, their backup, open connections, and processes that share a data directory."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
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

__all__ = ["backup", "connections", "disk", "sharing"]

_FILE = "pubsub.sqlite3"
#: copies one file to another once its input ends, and prints the seconds that it took
_BACKUP = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1])
sys.stdin.read()
started = time.perf_counter()
connection.execute("VACUUM INTO ?", (sys.argv[2],))
print(time.perf_counter() - started)
"""


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


def backup(_workers: Mapping[str, Worker], sizes: Sizes) -> Figures:
    """A copy by SQLite's VACUUM INTO, and the slowest publish of one event while it runs, and in as many publishes before."""
    directory = scratch()
    with closing(emulator_on(directory)) as server:
        url = server.line.rpartition(" ")[2]
        _publish(url, "kept", payloads("string", sizes.memory), 1_000)
        publisher = Publisher("beside", service=Service(url))

        def publish() -> float:
            started = time.perf_counter()
            publisher.publish("beside", "an event")
            return time.perf_counter() - started

        command = [sys.executable, "-c", _BACKUP, str(directory / _FILE), str(directory / "backup.sqlite3")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as copying:
            assert copying.stdin is not None
            before = [publish() for _ in range(sizes.lone)]
            copying.stdin.close()
            during = [publish()]
            while copying.poll() is None:
                during.append(publish())
            seconds = float(copying.stdout.read()) if copying.stdout else 0.0
        size = (directory / "backup.sqlite3").stat().st_size
    row = {"MB": size / 1e6, "copied in s": seconds, "slowest publish ms": 1e3 * max(during)}
    return {"ours": {**row, "slowest before ms": 1e3 * max(before), "publishes meanwhile": len(during)}}


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
