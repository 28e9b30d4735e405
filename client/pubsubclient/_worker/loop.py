"""The event loop that runs ``async def`` handlers, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pubsubclient._worker.event_log import current_run
from pubsubclient._worker.outcome import Outcome
from pubsubclient._worker.run import Run
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.settling import TIMEOUT, log_outcome

__all__ = ["Loop"]

_T = TypeVar("_T")


class Loop:
    """One event loop. What is ready for it is handed over with one call, however many events that are.

    Args:
        concurrency: the most runs at one time
        interrupted: called when a handler was interrupted, as for `Threads`
        fatal: called when no run can go on, as for `Threads`
    """

    def __init__(
        self, schedule: Schedule, concurrency: int, interrupted: Callable[[], None], fatal: Callable[[], None]
    ) -> None:
        self._schedule = schedule
        self._concurrency = concurrency
        self._interrupted = interrupted
        self._fatal = fatal
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        #: whether the loop was told of work that it has not looked at
        self._woken = False
        self._thread = threading.Thread(target=self._run_loop, name="event loop of handlers", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Tell the loop that there are runs for it. Called under the schedule's lock, which guards `_woken`."""
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._begin_runs)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop, from another thread, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self, timeout_s: float) -> None:
        """Cancel what still runs, and end the loop. Waits at most so many seconds for that."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(timeout_s)

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _cancel(self) -> None:
        tasks = list(asyncio.all_tasks(self._loop))
        for task in tasks:
            task.cancel()
        stopping = asyncio.ensure_future(self._stop_after(tasks), loop=self._loop)
        self._tasks.add(stopping)

    async def _stop_after(self, tasks: list[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop.stop()

    def _begin_runs(self) -> None:
        with self._schedule.lock:
            self._woken = False
        while len(self._tasks) < self._concurrency and (run := self._schedule.take_for_loop()) is not None:
            run.task = self._loop.create_task(self._run(run))
            self._tasks.add(run.task)
            run.task.add_done_callback(self._ended)
            if run.handler.timeout_s is not None:
                self._loop.call_later(run.handler.timeout_s, self._expire, run)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin_runs()

    async def _run(self, run: Run) -> None:
        current_run.set(run)
        outcome: Outcome | None
        try:
            outcome = await run.handler.run_async(run.events)
        except (KeyboardInterrupt, asyncio.CancelledError) as error:
            # cancelled by its timeout, which has recorded the outcome, or by the stop: then the event goes back
            outcome = None
            if isinstance(error, KeyboardInterrupt):
                self._interrupted()
        if self._schedule.end(run, outcome) and outcome is not None:
            if outcome.kind not in {"ack", "settled"}:
                log_outcome(run, outcome)
            if outcome.fatal:
                self._fatal()

    def _expire(self, run: Run) -> None:
        if self._schedule.end(run, TIMEOUT):
            log_outcome(run, TIMEOUT)
            assert run.task is not None  # noqa: S101 - for mypy
            run.task.cancel()
