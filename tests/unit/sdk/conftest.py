"""What the tests of the client share: a scripted server, and no service found by chance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pubsubclient
from pubsubclient import Publisher, Service, Subscriber
from pubsubclient._core import at_exit as _ends
from unit.sdk.clocks import Moved
from unit.sdk.scripted import ScriptedService


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.delenv("PUBLISH_SUBSCRIBE_SERVICE", raising=False)
    monkeypatch.delenv("PUBLISH_SUBSCRIBE_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    pubsubclient.configure()
    yield
    pubsubclient.configure()
    # the scripted server is gone: what tests left in hand cannot be settled when they all end
    _ends._holders.clear()


@pytest.fixture
def server() -> Iterator[ScriptedService]:
    service = ScriptedService()
    yield service
    service.close()


@pytest.fixture
def service(server: ScriptedService) -> Service:
    """The scripted server, spoken to a little less patiently than by default."""
    return Service(server.url, deadline_s=20.0, read_timeout_s=5.0)


@pytest.fixture
def publisher(service: Service) -> Publisher:
    return Publisher("shop", service=service)


@pytest.fixture
def clock() -> Moved:
    """What tells `timed` the time. The tests move it on; nobody waits."""
    return Moved()


@pytest.fixture
def timed(server: ScriptedService, clock: Moved) -> Subscriber:
    """A subscriber whose leases and deadlines go by `clock`: minutes, that a slow machine cannot use up."""
    return Subscriber("billing", service=Service(server.url, deadline_s=120.0, clock=clock))


@pytest.fixture
def subscriber(service: Service) -> Subscriber:
    return Subscriber("billing", service=service)
