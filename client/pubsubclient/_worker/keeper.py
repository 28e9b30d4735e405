"""Keeps the leases of events whose runs have not ended, and ends runs that take longer than their timeouts."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from pubsubclient._events.lease import Lease
from pubsubclient._worker.run import Run
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.settling import TIMEOUT, log_outcome
from pubsubclient._worker.source import Source

if TYPE_CHECKING:
    import asyncio

__all__ = ["Keeper", "stack_of"]

#: how often the keeper looks while something is in hand, seconds; the shortest lease is one second
_TICK_S = 0.2
#: an extension that has not counted after this part of the lease's length is asked for again
_AGAIN = 0.25

_log = logging.getLogger("pubsubclient.worker")


class Keeper:
    """The thread that extends leases at half of their length, prefetched events' too, and watches over timeouts.

    Args:
        replace_thread: called for each thread whose handler did not end in time
    """

    def __init__(self, schedule: Schedule, sources: Sequence[Source], replace_thread: Callable[[], None]) -> None:
        self._schedule = schedule
        self._sources = sources
        self._replace_thread = replace_thread
        #: monotonic times at which extensions were asked for
        self._asked: dict[Lease, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper of leases", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End: nothing is in hand any more, or it is given up."""
        self._stopped.set()
        with self._schedule.lock:
            self._schedule.progress.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._schedule.lock:
                self._schedule.progress.wait_for(lambda: self._stopped.is_set() or self._is_holding())
            while not self._stopped.wait(_TICK_S):
                held = [lease for source in self._sources for lease in self._keep(source)]
                if not held:
                    self._asked.clear()
                    break
                self._asked = {lease: asked for lease, asked in self._asked.items() if lease in held}
                self._end_overdue()

    def _is_holding(self) -> bool:
        return any(source.leases for source in self._sources)

    def _keep(self, source: Source) -> list[Lease]:
        leases = self._schedule.leases_of(source)
        now = time.monotonic()
        for lease in leases:
            if lease.half_over and not lease.gone and now - self._asked.get(lease, 0.0) > _AGAIN * lease.length_s:
                self._asked[lease] = now
                source.outcomes.extend_lease(lease)
        self._schedule.drop_lost(source)
        return leases

    def _end_overdue(self) -> None:
        for run in self._schedule.overdue():
            stack = stack_of(run)
            if self._schedule.end(run, TIMEOUT):
                log_outcome(run, TIMEOUT)
                _log.warning("%r: still runs after its timeout, in a thread that cannot be stopped:\n%s", run, stack)
                self._replace_thread()


def stack_of(run: Run) -> str:
    """Return the stack of a running handler, one line a frame."""
    if run.task is not None:
        frames = [traceback.extract_stack(frame, limit=1)[0] for frame in _frames_of(run.task)]
        return "".join(traceback.format_list(frames))
    frame = sys._current_frames().get(run.thread.ident or 0) if run.thread is not None else None  # noqa: SLF001
    return "".join(traceback.format_stack(frame)) if frame is not None else "(it has just ended)\n"


def _frames_of(task: asyncio.Task[None]) -> Iterator[FrameType]:
    """Yield the frames of a suspended task, the outermost first; `Task.get_stack` has only that one."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
