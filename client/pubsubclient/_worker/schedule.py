"""All runs of a worker: which wait, which are ready, and which run, behind one lock.

Each event that was fetched is in exactly one of these places: in a run that has not begun, in a run that is running, among the
recorded outcomes, or settled at the service. A step from one place to the next happens under the lock, and records the
outcome before the run counts as ended. So whoever sees that no run is left, and then sends the outcomes, has sent all.

The lock is never held during a request, or while code of the program runs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._fork import reset_in_child
from pubsubclient._worker.outcome import Outcome
from pubsubclient._worker.run import Run, Stage
from pubsubclient._worker.settling import record
from pubsubclient._worker.source import Source

__all__ = ["Schedule"]

_log = logging.getLogger("pubsubclient.worker")


class Schedule:
    """The runs of a worker. Thread-safe.

    Args:
        wake_loop: called, from any thread, when a run for the event loop has become ready
    """

    def __init__(self, wake_loop: Callable[[], None]) -> None:
        self._wake_loop = wake_loop
        self.running: dict[Run, None] = {}
        self._begin_empty()
        self.stopping = False
        reset_in_child(self)

    def _begin_empty(self) -> None:
        self.lock = threading.Lock()
        #: notified when a run is ready for a thread, and at the stop
        self._work = threading.Condition(self.lock)
        #: notified when a lease begins or has no run left, when a source has room, and at the stop
        self.progress = threading.Condition(self.lock)
        self._for_threads: deque[Run] = deque()
        self._for_loop: deque[Run] = deque()
        self._idle_threads = 0
        #: how many runs have ended
        self.ended = 0

    def after_fork(self) -> None:
        """Hold nothing in the child. A handler that has forked goes on there, and its outcome is the parent's to record."""
        for run in self.running:
            run.stage = Stage.ENDED
        self.running = {}
        self._begin_empty()
        self.stopping = True

    # -- runs come in

    def add(self, source: Source, events: Sequence[ReceivedEvent]) -> None:
        """Take the events of one fetch, or give them back if nothing is to begin any more."""
        runs, orphans = source.runs_of(events)
        with self.lock:
            self._reject(source, orphans)
            if self.stopping or source.paused_until > time.monotonic():
                for run in runs:
                    source.outcomes.release(run.events)
                return
            for run in runs:
                source.unbegun[run] = None
                source.unbegun_events += len(run.events)
                source.leases[run.lease] = source.leases.get(run.lease, 0) + 1
                source.is_ordered = source.is_ordered or bool(run.lease.ordered)
            self._admit(runs)
            self.progress.notify_all()

    def _reject(self, source: Source, orphans: Iterable[ReceivedEvent]) -> None:
        for event in orphans:
            source.outcomes.nack(event, reason="no handler", dead=True)
            if event.topic not in source.unhandled:
                source.unhandled.add(event.topic)
                _log.warning(
                    "Subscriber %s: no handler takes event %s (type %s) of topic %s, so it becomes a dead letter; "
                    "further ones of this topic are not logged",
                    source.name, event.id, event.type, event.topic,
                )  # fmt: skip

    def _admit(self, runs: Iterable[Run]) -> None:
        """Let runs pass the gates that are left to them. The caller holds the lock."""
        for_threads, for_loop = 0, False
        for run in runs:
            while run.passed < len(run.gates) and run.gates[run.passed].enter(run):
                run.passed += 1
            if run.passed < len(run.gates):
                continue
            run.stage = Stage.READY
            if run.handler.is_async:
                self._for_loop.append(run)
                for_loop = True
            else:
                self._for_threads.append(run)
                for_threads += 1
        if for_threads and self._idle_threads:
            self._work.notify(for_threads)
        if for_loop:
            self._wake_loop()

    # -- runs begin

    def take(self, ended: Run | None = None, outcome: Outcome | None = None) -> Run | None:
        """Wait for a run that is ready for a thread, and begin it; None at the stop.

        Args:
            ended: what the calling thread ran before. If that run was ended in the meantime by its timeout, the thread was
                replaced, and None is returned
            outcome: what became of that run
        """
        with self.lock:
            if ended is not None and not self._end(ended, outcome):
                return None
            while (run := self._begin(self._for_threads)) is None:
                if self.stopping:
                    return None
                self._idle_threads += 1
                self._work.wait()
                self._idle_threads -= 1
            run.thread = threading.current_thread()
            return run

    def take_for_loop(self) -> Run | None:
        """Begin a run that is ready for the event loop; None if there is none."""
        with self.lock:
            return self._begin(self._for_loop)

    def _begin(self, ready: deque[Run]) -> Run | None:
        while ready:
            run = ready.popleft()
            if run.stage is not Stage.READY:
                continue  # it was dropped
            if run.lease.gone:
                self._give_up(run)  # its events are delivered again: to handle them here would handle them twice
                continue
            source = run.source
            source.unbegun.pop(run)
            source.unbegun_events -= len(run.events)
            if source.unbegun_events < source.refill_below:
                source.refill_below = 0
                self.progress.notify_all()
            run.stage = Stage.RUNNING
            run.began = time.monotonic()
            self.running[run] = None
            source.running += 1
            return run
        return None

    # -- runs end

    def end(self, run: Run, outcome: Outcome | None) -> bool:
        """Record the outcome of a run; None gives its events back. Returns False if the run has already been ended."""
        with self.lock:
            return self._end(run, outcome)

    def _end(self, run: Run, outcome: Outcome | None) -> bool:
        if run.stage is not Stage.RUNNING:
            return False
        source = run.source
        source.pace.took((time.monotonic() - run.began) / len(run.events))
        if outcome is None:
            source.outcomes.release(run.events)
        else:
            record(run, outcome)
        self.running.pop(run)
        source.running -= 1
        if self.stopping and not self.running:
            self.progress.notify_all()
        self._leave(run)
        if run.lease.recalled:
            self._drop_taken_back(run)
        if outcome is not None and outcome.kind == "pause":
            source.paused_until = time.monotonic() + (outcome.delay_s or 0.0)
            self._release_unbegun(source)
        return True

    def _leave(self, run: Run) -> None:
        """A run has ended, or is dropped: let the next ones pass in its place."""
        run.stage = Stage.ENDED
        self.ended += 1
        leases, lease = run.source.leases, run.lease
        leases[lease] -= 1
        self._release_set_aside(run.source, lease)
        if not leases[lease]:
            del leases[lease]
            self.progress.notify_all()
        following = []
        for gate in run.gates[: run.passed]:
            after = gate.leave()
            if after is not None:
                after.passed += 1
                following.append(after)
        if following:
            self._admit(following)

    def _drop(self, run: Run) -> None:
        """End a run that has not begun, and record no outcome."""
        source = run.source
        if source.unbegun.pop(run, run) is None:
            source.unbegun_events -= len(run.events)
            source.refill_below = 0
            self._leave(run)
            self.progress.notify_all()

    def _give_up(self, run: Run) -> None:
        """Drop a run whose lease may have ended. Where the service holds its events still, they have not failed."""
        if not run.lease.ordered:  # there a release takes back what is behind it, and perhaps runs now
            run.source.outcomes.release(run.events)
        self._drop(run)

    def _drop_taken_back(self, failed: Run) -> None:
        """Drop what the service takes back of ordered topics: the newer events of the lease, because an older one failed.

        Older ones, which wait in other lanes, stay. Newer ones that are running go on, and come again: the service accepts no
        outcome of them any more.
        """
        lease = failed.lease
        for run in list(failed.source.unbegun):
            if run.lease is lease and lease.recalled.issuperset(event.ref for event in run.events):
                self._drop(run)

    def _release_unbegun(self, source: Source) -> None:
        running = {run.lease for run in self.running}
        for run in list(source.unbegun):
            if run.lease.ordered and run.lease in running:
                # Its release would take back what is behind it, and perhaps runs now. So it waits until that has ended.
                source.set_aside.setdefault(run.lease, []).append(run)
                source.leases[run.lease] += 1
            else:
                source.outcomes.release(run.events)
            self._drop(run)

    def _release_set_aside(self, source: Source, lease: Lease) -> None:
        """Release what was set aside, if nothing else is left of the lease."""
        runs = source.set_aside.get(lease)
        if runs is not None and source.leases[lease] == len(runs):
            del source.set_aside[lease]
            source.leases[lease] = 0
            for run in runs:
                source.outcomes.release(run.events)

    # -- the keeper, and the stop

    def drop_lost(self, source: Source) -> None:
        """Drop the runs that have not begun of leases that have ended."""
        with self.lock:
            if any(lease.gone for lease in source.leases):
                for run in [run for run in source.unbegun if run.lease.gone]:
                    self._give_up(run)

    def leases_of(self, source: Source) -> list[Lease]:
        """Return the leases with runs that have not ended."""
        with self.lock:
            return list(source.leases)

    def overdue(self) -> list[Run]:
        """Return the runs in threads that have taken longer than their handler's timeout."""
        now = time.monotonic()
        with self.lock:
            return [
                run for run in self.running
                if not run.handler.is_async
                and run.handler.timeout_s is not None
                and now - run.began > run.handler.timeout_s
            ]  # fmt: skip

    def stop(self, sources: Collection[Source]) -> int:
        """Let nothing more begin: release what has not begun. Returns how many events that are."""
        with self.lock:
            self.stopping = True
            released = sum(source.unbegun_events for source in sources)
            for source in sources:
                self._release_unbegun(source)
            self._work.notify_all()
            self.progress.notify_all()
            return released

    def cut(self) -> list[Run]:
        """Release what is still running; the outcomes of these runs are ignored from now on."""
        with self.lock:
            runs = list(self.running)
            for run in runs:
                self._end(run, None)
            return runs

    def await_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is running; returns whether that is so."""
        with self.lock:
            return self.progress.wait_for(lambda: not self.running, timeout_s)
