"""The service in the test's process, as `pubsubclient.testing` gives it to tests of programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pubsubclient.testing import Local, local


@pytest.fixture
def pubsub() -> Iterator[Local]:
    """A service of this test's own."""
    with local() as running:
        yield running
        assert running.close() == []
