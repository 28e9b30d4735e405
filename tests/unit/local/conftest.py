"""Stand-in functions served in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsub_emulator.server.page_guard import PageGuard
from pubsub_emulator.server.router import Router, applications
from pubsub_emulator.server.server import Server
from unit.local import standin


@pytest.fixture
def server() -> Iterator[Server]:
    """`standin.py` on a free port."""
    functions = applications(standin, ["echo", "slow", "large"])
    running = Server(Router(functions, PageGuard(["pubsub.test"])), threads=8)
    yield running
    running.close()
