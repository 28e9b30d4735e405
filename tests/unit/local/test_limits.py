"""What the emulator's server takes from a connection."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
import requests

from e2e.serving import environment
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.server import limits
from pubsub_emulator.sqlite.ephemeral import EphemeralStore


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in this process."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield emulator
    store.close()


def _connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 10)


def _answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Status and problem of what comes until the connection is closed."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert b"waitress" not in received.lower()
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", 400, "malformed_request"),
        (b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413, "too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "not_implemented"),
        (b"POST /publish HTTP/1.1\r\nHost: x\r\nce-id: 1\r\nCE-ID: 1\r\n\r\n", 400, "malformed_request"),
    ],
)
def test_the_servers_own_refusals_are_problem_documents(
    emulator: Emulator, request_: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a code, and with a line in the log."""
    with _connect(emulator.url) as connection:
        connection.sendall(request_)
        answered, problem = _answer(connection)
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert problem.keys() == {"type", "title", "status", "detail", "code"}
    assert f'"emulator {status}"' in caplog.text


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({"Host": "evil.example"}, "register", 421, "host_not_allowed"),
        ({"Origin": "http://localhost:3000"}, "register", 403, "origin_not_allowed"),
        ({"Origin": "http://127.0.0.1:3000"}, "register", 403, "origin_not_allowed"),
        ({"Origin": "null"}, "register", 403, "origin_not_allowed"),
        ({"Origin": "http://192.0.2.1"}, "register", 403, "origin_not_allowed"),
        ({}, "nowhere", 404, "not_found"),
    ],
)
def test_refusals_before_a_function_are_logged(
    emulator: Emulator, headers: dict[str, str], path: str, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As those of functions are."""
    answer = requests.post(f"{emulator.url}/{path}", json={"publisher": "shop"}, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert f'"code": "{code}"' in caplog.text


def test_a_page_of_this_address_may_use_it(emulator: Emulator) -> None:
    """Scheme, host and port are the request's own."""
    headers = {"Origin": emulator.url}
    answer = requests.post(f"{emulator.url}/register", json={"publisher": "shop"}, headers=headers, timeout=10)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b"P"), (b"POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", b" ")],
    ids=["head", "body"],
)
def test_a_request_that_trickles_in_is_ended(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes
) -> None:
    """Its time counts as a whole, not from byte to byte."""
    monkeypatch.setattr(limits, "HEAD_S", 0.5)
    monkeypatch.setattr(limits, "BODY_S", 0.5)
    started = time.monotonic()
    with _connect(emulator.url) as connection:
        connection.sendall(first)
        connection.settimeout(0.1)
        received = b""
        while not received and time.monotonic() - started < 20:
            with contextlib.suppress(OSError):
                connection.sendall(then)
            with contextlib.suppress(TimeoutError):
                received = connection.recv(65536)
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                received += part
    assert b" 408 Request Timeout\r\n" in received
    assert b'"code": "request_timeout"' in received


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_too_large_is_read_and_kept_nowhere(emulator: Emulator, chunked: bool) -> None:
    """Its sender reads the answer, and the memory stays."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece = b" " * (1 << 20)
    body = (piece for _ in range(31)) if chunked else piece * 31
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{emulator.url}/publish", data=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < (31 << 10) + (20 << 10)  # KiB: the client's own body, and little of the server's


_IDLE = 1_500


def test_idle_connections_make_room_for_others(tmp_path: Path) -> None:
    """More of them than open files are allowed keep nobody out."""
    log = tmp_path / "log"
    command = f"ulimit -n 512; exec {sys.executable} -m pubsub_emulator emulator --ephemeral --port 0"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command], env=environment(), stdout=subprocess.PIPE, stderr=file, text=True
        )
    assert process.stdout is not None
    url = process.stdout.readline().rpartition(" ")[2].strip()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    idle: list[socket.socket] = []
    try:
        for number in range(_IDLE):
            idle.append(_connect(url))
            if number % 2:
                idle[-1].sendall(b"POST /publish HTTP/1.1\r\n")  # half of them have begun a request
            if number % 100 == 99:
                answer = requests.post(f"{url}/register", json={"publisher": "shop"}, timeout=10)
                assert answer.status_code in {200, 201}
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        process.terminate()
        process.communicate(timeout=30)
    assert "Traceback" not in log.read_text()


def test_many_readers_at_once_share_few_files(emulator: Emulator) -> None:
    """Each open connection of SQLite has three."""
    requests.post(f"{emulator.url}/register", json={"subscriber": "billing"}, timeout=10)

    def read(_: int) -> int:
        return requests.get(f"{emulator.url}/register", params={"subscriber": "billing"}, timeout=60).status_code

    with futures.ThreadPoolExecutor(100) as pool:
        assert set(pool.map(read, range(500))) == {200}
    names = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            names.append(str(descriptor.readlink()))
    assert sum("pubsub.sqlite3" in name for name in names) <= 3 * 34
