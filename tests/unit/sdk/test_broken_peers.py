"""Whatever a peer sends, a call ends within its deadline, with an error of ours, and in bounded memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pubsubclient import Publisher, PubSubError, Service
from pubsubclient._http.call import CallCancelled, Cancellation
from pubsubclient._http.transport import Transport
from unit.sdk.peers import BROKEN, broken_peer
from unit.sdk.scripted import HANG, ScriptedService


@pytest.mark.parametrize("kind", BROKEN)
def test_a_call_ends_in_time_with_an_error_of_ours(kind: str) -> None:
    """Timeouts of single reads would never end it."""
    serve, error = BROKEN[kind]
    with broken_peer(serve) as url:
        started = time.monotonic()
        with pytest.raises(PubSubError) as raised:
            Publisher("shop", service=Service(url, deadline_s=1.5, read_timeout_s=1))
        assert time.monotonic() - started < 10  # timeouts of single reads would take minutes, or for ever
        assert type(raised.value).__name__ == error


def test_another_thread_can_cancel_a_call(server: ScriptedService) -> None:
    """While it waits for an answer, and between two tries; later calls end at once."""
    transport = Transport(Service(server.url))
    for script in ([HANG], [_refuse] * 50):
        server.script("register", *script)
        cancellation = Cancellation()
        ended: list[float] = []

        def call(cancellation: Cancellation = cancellation, ended: list[float] = ended) -> None:
            with pytest.raises(CallCancelled) as raised:
                transport.call("register", {"publisher": "shop"}, cancellation=cancellation)
            assert raised.value.uncertain
            ended.append(time.monotonic())

        thread = threading.Thread(target=call)
        before = len(server.asked)
        thread.start()
        while len(server.asked) == before:
            time.sleep(0.01)
        cancelled = time.monotonic()
        cancellation.cancel()
        thread.join(60)
        assert ended[0] - cancelled < 10  # the response or the pause would take longer
        with pytest.raises(CallCancelled):
            transport.call("register", {"publisher": "shop"}, cancellation=cancellation)
        server.as_usual("register")
    transport.call("register", {"publisher": "shop"})  # the connections of others are as they were


def _refuse(body: object) -> object:
    from unit.sdk.scripted import Reply

    return Reply({}, 503, {"Retry-After": "30"})


def test_connections_are_closed_when_nobody_uses_them(server: ScriptedService) -> None:
    """One for each identity would pile up in a service that has many callers."""

    def descriptors() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = descriptors()
    for number in range(50):
        Publisher("shop", service=Service(server.url, identity=f"token{number}"))
    # the server, in this process, notices a little later
    until = time.monotonic() + 60
    while descriptors() > before + 10 and time.monotonic() < until:
        time.sleep(0.05)
    assert descriptors() <= before + 10


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_proxy_is_asked_for_this_machine(
    server: ScriptedService, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It would look for the service on its own."""
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    Publisher("shop", service=Service(server.url, deadline_s=5))
