"""While a service is out of reach the log says so, once, and once when it is back."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pubsubclient import Publisher, Service, Subscriber, Topic, Unavailable
from unit.sdk.clocks import Stood
from unit.sdk.scripted import ScriptedService, problem

_BUSY_FOR_LONG = replace(problem(503, "busy"), headers={"Content-Type": "application/problem+json", "Retry-After": "1"})


@contextmanager
def _refusing() -> Iterator[str]:
    """The URL of a port at which nobody listens, meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


class _Times(logging.Handler):
    """Notes when records are logged."""

    def __init__(self, clock: Stood) -> None:
        super().__init__()
        self._clock = clock
        self.times: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.times.append(self._clock.monotonic())


@pytest.mark.parametrize("make", [Publisher, Subscriber, lambda name, service: Topic(name, 1, service=service)])
def test_a_constructor_gives_up_soon_where_nothing_answers(make: object, caplog: pytest.LogCaptureFixture) -> None:
    """With an error, and before that a warning, that name the address and the emulator."""
    clock = Stood()
    started, logged, logger = clock.monotonic(), _Times(clock), logging.getLogger("pubsubclient.transport")
    logger.addHandler(logged)
    try:
        with _refusing() as url, pytest.raises(Unavailable) as raised:
            make("shop", service=Service(url, clock=clock))  # type: ignore[operator]
    finally:
        logger.removeHandler(logged)
    assert 2 < clock.monotonic() - started <= 5
    (warning,) = caplog.records
    assert (warning.name, warning.levelno) == ("pubsubclient.transport", logging.WARNING)
    assert logged.times[0] - started < 2
    for text in (warning.getMessage(), str(raised.value)):
        assert f"connection refused at {url}; is `pubsub emulator` running?" in text
    assert not raised.value.uncertain


def test_a_service_may_be_told_to_wait_longer_or_shorter() -> None:
    """By `start_deadline_s`."""
    for start_deadline_s in (0.5, 20):
        clock = Stood()
        started = clock.monotonic()
        with _refusing() as url, pytest.raises(Unavailable):
            Publisher("shop", service=Service(url, start_deadline_s=start_deadline_s, clock=clock))
        assert 0.4 * start_deadline_s < clock.monotonic() - started <= start_deadline_s


def test_a_service_that_answers_slowly_is_waited_for(server: ScriptedService) -> None:
    """A function that starts cold is there: only what nothing answers for is given up soon."""
    server.script("register", _BUSY_FOR_LONG)
    Publisher("shop", service=Service(server.url, start_deadline_s=0.2))


def test_an_outage_is_told_once_and_so_is_its_end(server: ScriptedService, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the number of calls and tries."""
    caplog.set_level(logging.INFO)
    publisher = Publisher("shop", service=Service(server.url))
    server.script("publish", *[problem(503, "busy")] * 5, _BUSY_FOR_LONG)
    publisher.publish("orders", 1)
    warning, info = (record.getMessage() for record in caplog.records)
    assert server.url in warning
    assert "503 busy" in warning
    assert info.startswith(f"{server.url} responds again, after ")


def test_a_hiccup_is_not_worth_a_line(server: ScriptedService, caplog: pytest.LogCaptureFixture) -> None:
    """A second try has mended it."""
    caplog.set_level(logging.INFO)
    publisher = Publisher("shop", service=Service(server.url))
    server.script("publish", problem(503, "busy"))
    publisher.publish("orders", 1)
    assert caplog.records == []
