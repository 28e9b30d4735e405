"""Fixtures for pytest: `pubsub`, the service in the test's process, and `pubsub_server`, an emulator. PYTEST_DONT_REWRITE

pytest imports this module in every run of every project where the package is installed. So it imports pytest alone, and the
rest where a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pubsub_emulator.spaces import Spaces
    from pubsubclient.testing import Local

__all__ = ["pubsub", "pubsub_server", "pytest_configure"]

_MARKER = "pubsub_errors"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest about the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(what): what pubsub.deliver() does with errors of handlers in this test: 'raise' or 'keep'",
    )


@pytest.fixture
def pubsub(request: pytest.FixtureRequest) -> Iterator[Local]:
    """The service in this process, with a store of this test's own and a clock that the test moves.

    It is the default service meanwhile. What the test leaves open fails it: a loop that holds events, a batch, a thread that
    still uses the service.
    """
    from pubsubclient.testing import local  # noqa: PLC0415

    with local() as running:
        marker = request.node.get_closest_marker(_MARKER)
        if marker is not None:
            if marker.args not in {("raise",), ("keep",)} or marker.kwargs:
                pytest.fail(f"{_MARKER}: expected 'raise' or 'keep'; got {marker.args!r}", pytrace=False)
            running.errors = marker.args[0]
        yield running
        left = running.close()
    if left:
        pytest.fail("left open:\n" + "\n".join(left), pytrace=False)


@pytest.fixture
def pubsub_server(_pubsub_spaces: Spaces) -> Iterator[str]:
    """The base URL of an emulator on this machine, with a store of this test's own: for programs in other processes."""
    space = _pubsub_spaces.open()
    yield space
    _pubsub_spaces.end(space)


@pytest.fixture(scope="session")
def _pubsub_spaces() -> Iterator[Spaces]:
    """The emulator that all tests of the session share."""
    from pubsub_emulator.spaces import Spaces  # noqa: PLC0415

    spaces = Spaces()
    yield spaces
    spaces.close()
