"""Waits over a store whose Firestore is in this process, and whose time passes as a test says."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from grpc import StatusCode

from pubsubservice.core.meter import Meter, start_meter
from pubsubservice.core.runtime import SystemRuntime
from pubsubservice.storage.firestore import listen
from pubsubservice.storage.firestore.store import WAITS_A_STREAM, FirestoreStore
from unit.google.fakes import PROJECT
from unit.google.listen.server import Listening, Target

__all__ = [
    "CODES",
    "LONG_S",
    "SteppedRuntime",
    "Waits",
    "await_current",
    "await_looks",
    "await_true",
    "cloud_store",
    "quiet_wait",
    "told",
    "wait_quietly",
]

CODES = [code for code in StatusCode if code is not StatusCode.OK]
#: longer than any test may take: a wait that lasts as long was not told
LONG_S = 60.0


class SteppedRuntime(SystemRuntime):
    """Time passes by the sleeps of the store alone, and by `ahead_s`."""

    def __init__(self, chance: float = 0.5) -> None:
        self.ahead_s = 0.0
        self._chance = chance

    def monotonic(self) -> float:
        return self.ahead_s

    def sleep(self, seconds: float) -> None:
        self.ahead_s += seconds

    def random(self) -> float:
        return self._chance


def cloud_store(server: Listening, runtime: SystemRuntime | None = None) -> FirestoreStore:
    """A store that listens as in the cloud: many waits share a stream, and none looks after its attach."""
    store = FirestoreStore(PROJECT, emulator=server.address, runtime=runtime)
    store._listener = listen.Listener(store._calls, store._runtime, WAITS_A_STREAM)
    return store


def quiet_wait(server: Listening, store: FirestoreStore, *paths: str) -> bool:
    """A wait in which nothing comes: by the time that its target is attached, nearly all of its time has passed."""
    runtime = store._runtime
    assert isinstance(runtime, SteppedRuntime)

    def attach(target: Target) -> None:
        runtime.ahead_s += LONG_S - 0.01
        server.attach(target)

    server.on_target = attach
    return store.wait_for(paths, LONG_S)


class Waits:
    """Waits in threads of their own, each with its own meter."""

    def __init__(self, store: FirestoreStore) -> None:
        self.store = store
        self._pool = ThreadPoolExecutor(128)

    def begin(self, *paths: str, timeout_s: float = LONG_S) -> Future[tuple[bool, Meter]]:
        def wait() -> tuple[bool, Meter]:
            meter = start_meter()
            return self.store.wait_for(paths, timeout_s), meter

        return self._pool.submit(wait)

    def close(self) -> None:
        """Wait until all have ended."""
        self._pool.shutdown()


def told(wait: Future[tuple[bool, Meter]]) -> int:
    """See that the wait has been told, and return what it was billed for."""
    was_told, meter = wait.result(LONG_S / 2)
    assert was_told
    assert (meter.writes, meter.deletes) == (0, 0)
    return meter.reads


def await_current(store: FirestoreStore) -> None:
    """Wait until the targets of all waits are current."""
    for stream in [*store._listener._streams]:
        for watch in [*stream._watches.values()]:
            assert watch.ready.wait(LONG_S)


def await_looks(server: Listening, count: int) -> None:
    """Wait until there were as many look-ups."""
    await_true(lambda: server.looks >= count)


def await_true(condition: Callable[[], bool]) -> None:
    """Look until the condition holds."""
    give_up = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def wait_quietly(store: FirestoreStore, runtime: SteppedRuntime, seconds: float) -> None:
    """Let a wait of so many seconds by the store's clock end without having been told."""
    stopped = store._listener.wait
    store._listener.wait = lambda names, timeout_s: listen.Told.NOTHING  # type: ignore[method-assign]
    assert store.wait_for(["a/1", "a/2"], seconds) is False
    store._listener.wait = stopped  # type: ignore[method-assign]
    runtime.ahead_s += seconds
