"""The threads that run plain handlers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pubsubclient._worker.event_log import current_run
from pubsubclient._worker.outcome import Outcome
from pubsubclient._worker.run import Run, Stage
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.settling import log_outcome

__all__ = ["Threads"]

_log = logging.getLogger("pubsubclient.worker")


class Threads:
    """A fixed number of threads, each with one run at a time.

    Args:
        count: how many
        interrupted: called if a handler raised KeyboardInterrupt
        fatal: called if the process can go on no longer: a handler's outcome says so, or too many handlers do not end
    """

    def __init__(
        self, schedule: Schedule, count: int, interrupted: Callable[[], None], fatal: Callable[[], None]
    ) -> None:
        self._schedule = schedule
        self._count = count
        self._interrupted = interrupted
        self._fatal = fatal
        self._threads: set[threading.Thread] = set()

    def start(self) -> None:
        """Start the threads."""
        for _ in range(self._count):
            self._start_one()

    def replace(self) -> None:
        """Start a thread in place of one whose handler does not end. That one ends when its handler does."""
        if len(self._threads) >= 2 * self._count:
            _log.error("More than %d handlers still run after their timeouts: the worker ends.", self._count)
            self._fatal()
            return
        self._start_one()

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._work, name="handler", daemon=True)
        self._threads.add(thread)
        thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end, after the stop; those whose handlers do not end are left."""
        for thread in list(self._threads):
            thread.join(timeout_s)

    def _work(self) -> None:
        run, outcome = self._schedule.take(), None
        try:
            while run is not None:
                outcome = self._run(run)
                run = self._schedule.take(run, outcome)
        finally:
            self._threads.discard(threading.current_thread())

    def _run(self, run: Run) -> Outcome | None:
        token = current_run.set(run)
        try:
            outcome = run.handler.run(run.events)
        except KeyboardInterrupt:
            self._interrupted()
            return None
        else:
            if outcome.kind not in {"ack", "settled"} and run.stage is Stage.RUNNING:
                log_outcome(run, outcome)
            if outcome.fatal:
                self._fatal()
            return outcome
        finally:
            current_run.reset(token)
