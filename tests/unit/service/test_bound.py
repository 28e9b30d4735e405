"""The service that a request calls: the one bound to its thread, else the process's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from pubsubservice.api import app
from pubsubservice.api.app import current, using


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Three stand-ins, of which the first is the process's: nothing is called on them."""
    made = [object(), object(), object()]
    monkeypatch.setattr(app, "_service", made[0])
    return made


def test_a_bound_service_goes_before_the_process_s(services: list[object]) -> None:
    """Bindings may be nested, and end with their block, also by an exception."""
    own, outer, inner = services

    def fail() -> None:
        with using(inner):
            assert current() is inner
            raise RuntimeError

    with using(outer):
        with pytest.raises(RuntimeError):
            fail()
        assert current() is outer
    assert current() is own


def test_each_thread_has_its_own_binding(services: list[object]) -> None:
    """A thread of the block's has none, unless it runs in the block's context."""
    own, outer, _ = services
    with ThreadPoolExecutor(1) as pool, using(outer):
        assert pool.submit(current).result() is own
        assert pool.submit(copy_context().run, current).result() is outer
