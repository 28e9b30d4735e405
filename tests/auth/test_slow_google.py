"""Whatever the metadata server sends, a call that needs its token ends within its deadline, with an error of ours."""

from __future__ import annotations

import resource
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from google.auth import compute_engine

from auth.google import Google
from pubsubclient import Publisher, PubSubError, Service
from pubsubclient.gcp import GoogleIdentity
from unit.sdk.peers import BROKEN, broken_peer


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def _dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("serve", [_silent, _endless, _dripping, BROKEN["drips its head"][0]])
def test_every_thread_ends_in_time(
    google: Google, monkeypatch: pytest.MonkeyPatch, serve: Callable[[socket.socket], None]
) -> None:
    """Also those that wait for the same token, and without the memory that an endless answer asks for."""
    errors: list[BaseException] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with broken_peer(serve) as url:
        host = url.removeprefix("http://")
        monkeypatch.setattr(compute_engine._metadata, "_GCE_METADATA_HOST", host)
        monkeypatch.setenv("GCE_METADATA_IP", host)
        service = Service(google.server.url, deadline_s=1.5, identity=GoogleIdentity())

        def call() -> None:
            try:
                Publisher("shop", service=service)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=call, daemon=True) for _ in range(3)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert time.monotonic() - started < 10  # without a deadline of the call it would take minutes, or for ever
    assert [isinstance(error, PubSubError) for error in errors] == [True] * 3
    if sys.platform == "linux":  # in KiB
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
