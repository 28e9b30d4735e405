"""Requests that are held, and waits that are counted in turns of the loop, not in seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

from unit.sdk.scripted import Reply, ScriptedService

__all__ = ["Gate", "turns_until_done"]


class Gate:
    """Holds the next `count` publishes at a scripted service until it is opened."""

    def __init__(self, scripted: ScriptedService, count: int = 1) -> None:
        self._scripted = scripted
        self._came = threading.Semaphore(0)
        self._opened = threading.Event()
        self._count = count
        scripted.script("publish", *[self._hold] * count)

    async def came(self) -> None:
        """Wait until the service has all these requests."""
        for _ in range(self._count):
            assert await asyncio.to_thread(self._came.acquire, timeout=60)

    def open(self) -> None:
        """Let the service answer them."""
        self._opened.set()

    def _hold(self, body: Any) -> Reply:
        self._came.release()
        self._opened.wait(60)
        return Reply({"events": [self._scripted.receipt(event) for event in body["events"]]})


async def turns_until_done(act: Callable[[], object], tasks: Iterable[asyncio.Task[Any]]) -> int:
    """Act, and return after how many turns of the loop all tasks are done; 100 at most."""
    act()
    for turn in range(100):
        if all(task.done() for task in tasks):
            return turn
        await asyncio.sleep(0)
    return 100
