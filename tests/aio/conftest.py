"""An emulator for the tests of asyncio: real requests, of which many wait at the same time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from uuid import uuid4

import pytest

import pubsubclient
from e2e.serving import Serving
from pubsubclient import Service
from unit.sdk.scripted import ScriptedService


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the tests that are ``async def``, each in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    arguments = inspect.signature(pyfuncitem.function).parameters
    asyncio.run(pyfuncitem.function(**{name: pyfuncitem.funcargs[name] for name in arguments}))
    return True


@pytest.fixture
def service(serving: Serving) -> Service:
    """The emulator, for a client."""
    return Service(serving.url)


@pytest.fixture
def scripted() -> Iterator[ScriptedService]:
    """A service that answers as it is told."""
    server = ScriptedService()
    yield server
    server.close()


@pytest.fixture
def topic() -> str:
    """A topic of this test's own."""
    return f"orders.{uuid4().hex[:8]}"


@pytest.fixture
def name(topic: str, service: Service) -> str:
    """A subscriber of the topic."""
    name = topic.replace("orders.", "billing-")
    pubsubclient.Subscriber(name, service=service).subscribe(topic)
    return name
