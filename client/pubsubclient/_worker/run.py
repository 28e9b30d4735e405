"""A run: one call of a handler, and where it stands between its lease and its outcome."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._worker.handler import Handler

if TYPE_CHECKING:
    import asyncio

    from pubsubclient._worker.source import Source

__all__ = ["Gate", "Run", "Stage"]


class Stage(Enum):
    """Where a run stands. An event is in exactly one run that has not ended, until its outcome is recorded."""

    #: waits for its lane, or for room under its handler's concurrency
    WAITING = "waiting"
    #: waits for a thread, or for the event loop
    READY = "ready"
    #: the handler has it
    RUNNING = "running"
    #: its outcome was recorded, or its lease is lost
    ENDED = "ended"


class Run:
    """One call of a handler, with one event, or several of one lease for a handler with `batch`."""

    __slots__ = ("began", "events", "gates", "handler", "lease", "passed", "source", "stage", "task", "thread")

    def __init__(
        self, source: Source, handler: Handler, events: Sequence[ReceivedEvent], gates: Sequence[Gate]
    ) -> None:
        self.source = source
        self.handler = handler
        self.events = events
        self.lease: Lease = events[0].lease
        #: what it has to pass before it is ready
        self.gates = gates
        #: how many of the gates it has passed
        self.passed = 0
        self.stage = Stage.WAITING
        #: monotonic time at which the handler began
        self.began = 0.0
        #: what runs it, while it is running: a thread, or a task of the event loop
        self.thread: threading.Thread | None = None
        self.task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        more = f" and {len(self.events) - 1} more" if len(self.events) > 1 else ""
        return f"{self.handler.name} with event {self.events[0].id} of {self.events[0].topic}{more}"


class Gate:
    """Lets a number of runs pass at one time, the others after them, in order: a lane, or a handler's concurrency.

    Not thread-safe: the schedule's lock guards it.
    """

    __slots__ = ("_limit", "_queue", "inside")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.inside = 0
        self._queue: deque[Run] = deque()

    def enter(self, run: Run) -> bool:
        """Let a run pass, or queue it; returns whether it has passed."""
        if self.inside < self._limit:
            self.inside += 1
            return True
        self._queue.append(run)
        return False

    def leave(self) -> Run | None:
        """One run has ended; returns the next one, which has passed in its place."""
        while self._queue:
            run = self._queue.popleft()
            if run.stage is Stage.WAITING:  # the others were dropped while they waited
                return run
        self.inside -= 1
        return None
