"""A service whose clock stands, and a store in which something happens whenever somebody begins to wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.storage.port import Store
from stores.services import Calls

__all__ = ["Interrupted", "StoodClock", "later", "process"]


class StoodClock(SystemRuntime):
    """A process whose clock moves only when the test says so: no pause of the machine makes what it remembers too old."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


class Interrupted:
    """A store in which something happens whenever somebody begins to wait."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.happens: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        self.happens()
        return self._store.wait_for(paths, timeout_s)


def process(store: Store | Interrupted, **settings: Any) -> Calls:
    """A process of the service, whose clock stands."""
    return Calls(store, runtime=StoodClock(), **settings)  # type: ignore[arg-type]


def later(calls: Calls, seconds: float) -> None:
    """Let a process's clock go on."""
    calls.service.runtime.seconds += seconds  # type: ignore[attr-defined]
