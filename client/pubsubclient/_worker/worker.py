"""A worker: from its start, through its stop, to its end."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._core.errors import ConfigurationError, InvalidArgument, PubSubError
from pubsubclient._fork import reset_in_child
from pubsubclient._http.service import Service
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.subscriber import Subscriber
from pubsubclient._worker.fetcher import Fetcher
from pubsubclient._worker.handler import Consumer
from pubsubclient._worker.health import Health
from pubsubclient._worker.keeper import Keeper, stack_of
from pubsubclient._worker.lifespan import Lifespan, entered
from pubsubclient._worker.loop import Loop
from pubsubclient._worker.options import Options
from pubsubclient._worker.orders import Orders
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.source import Source
from pubsubclient._worker.threads import Threads

__all__ = ["Worker"]

#: how long settling may take after a second signal, or when the drain's time is over, seconds
_CUT_S = 1.0
#: how long the last settlements of a drain may take at least, seconds
_LAST_SETTLEMENTS_S = 2.0
#: the deadline of settlements when the time is over, seconds
_LEAST_S = 0.1
#: how long the end waits for threads that have nothing left to do, seconds
_JOIN_S = 1.0

#: the exit status after an order; 0 after the others
_STATUS = {"fail": 1, "misconfigured": 2}

_log = logging.getLogger("pubsubclient.worker")


class Worker:
    """Runs handlers over the events of their subscribers, until it is stopped. Made by `App.worker`.

    `run` works in the calling thread until a signal, and returns the exit status. `start`, `stop` and `join` are for a worker
    beside other work of a process: they leave the process's signals alone. A worker can be started once. A forked child has
    no worker.

    Args:
        consumers: the subscribers with their handlers
        service: the service that all of them are at
        options: see `Options`
        lifespan: entered before the first handler runs, left after the last one has ended
    """

    def __init__(
        self,
        consumers: Sequence[Consumer],
        service: Service,
        options: Options | None = None,
        lifespan: Lifespan | None = None,
    ) -> None:
        self.options = options or Options()
        #: the service at which events are settled
        self.service = service
        self._lifespan = lifespan
        self._orders = Orders()
        self._schedule = Schedule(self._wake_loop)
        self._sources = [self._source_of(consumer, service) for consumer in consumers]
        self._fetchers = [Fetcher(self, source, self._schedule) for source in self._sources]
        self._threads: Threads | None = None
        self._loop: Loop | None = None
        self._keeper: Keeper | None = None
        self._thread: threading.Thread | None = None
        self._started = False
        self._ended = threading.Event()
        #: the exit status; None before the end
        self.exit_status: int | None = None
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of the worker of {', '.join(source.name for source in self._sources)}"

    # -- for the program

    def run(self, *, signals: bool = True) -> int:
        """Work until SIGTERM, SIGINT, or the end of a burst; returns the exit status.

        At the first signal no further handler begins, what has not begun is released, handlers that run go on to their ends,
        and outcomes are sent. At a second signal, or after `drain_timeout`, the process ends at once, by `os._exit`.

        Args:
            signals: whether to handle signals; only in the main thread

        Returns:
            0 after a stop or burst; 1 if the worker could not go on; 2 if it is configured wrongly
        """
        if signals and threading.current_thread() is threading.main_thread():
            with self._orders.by_signals():
                return self._live(may_exit=True)
        return self._live(may_exit=False)

    def start(self) -> None:
        """Begin to work, in threads of the worker's own."""
        self._thread = threading.Thread(target=self._live, kwargs={"may_exit": False}, name="worker", daemon=True)
        self._thread.start()

    def stop(self, asked_by: str = "program") -> None:
        """Ask the worker to end, as the first signal does; a second call is as the second signal. Returns at once.

        Args:
            asked_by: a second call counts only if it is by the same, for a process manager and a parent may each ask once
        """
        self._orders.give("stop", asked_by)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the worker has ended, at most `timeout` seconds; returns whether it has. Then see `exit_status`."""
        ended = self._ended.wait(timeout)
        if ended and self._thread is not None:
            self._thread.join()
        return ended

    def state(self) -> dict[str, Any]:
        """Return what the health endpoint tells: for each subscriber, what is ready, running and to be settled."""
        with self._schedule.lock:
            running = list(self._schedule.running)
            subscribers = {
                source.name: {
                    "ready": source.unbegun_events,
                    "running": source.running,
                    "unsettled": source.outcomes.pending,
                }
                for source in self._sources
            }
        oldest = min(running, key=lambda run: run.began, default=None)
        return {
            "healthy": not self._schedule.stopping and all(fetcher.is_healthy for fetcher in self._fetchers),
            "stopping": self._schedule.stopping,
            "subscribers": subscribers,
            "oldest": oldest and {"handler": oldest.handler.name, "seconds": round(time.monotonic() - oldest.began, 3)},
        }

    # -- for the worker's parts

    def fail(self) -> None:
        """End with status 1."""
        self._orders.give("fail")

    def misconfigured(self, error: PubSubError) -> None:
        """End with status 2."""
        _log.error("%s", error)
        self._orders.give("misconfigured")

    def all_refused(self) -> bool:
        """Whether the service refuses the requests of all subscribers."""
        return all(fetcher.refused for fetcher in self._fetchers)

    def look_for_end(self) -> None:
        """In a burst: end if no subscriber has found anything since the last run has ended, and nothing is in hand."""
        with self._schedule.lock:
            ended = self._schedule.ended
            if any(source.leases for source in self._sources):
                return
            if any(fetcher.dry_at != ended for fetcher in self._fetchers):
                return
        self._orders.give("burst")

    # -- the end of the process, and its forks

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - what runs has not ended
        """The program ends and did not stop the worker: release what is in hand. Raises ServiceError, Unavailable."""
        self._schedule.stop(self._sources)
        self._schedule.cut()
        settle_at_exit(self, holding=False)
        for source in self._sources:
            source.outcomes.flush(deadline_s)

    def after_fork(self) -> None:
        """The child has no worker: its threads are the parent's, and so are the events."""
        self._orders = Orders()
        self._loop = None
        self._ended = threading.Event()
        self._ended.set()
        settle_at_exit(self, holding=False)

    # -- from start to end

    def _live(self, *, may_exit: bool) -> int:
        if self._started:
            raise InvalidArgument("A worker is started once; make another one.")
        self._started = True
        try:
            self.exit_status = self._work(may_exit=may_exit)
        except ConfigurationError as error:
            _log.error("%s", error)
            self.exit_status = 2
        except BaseException:
            self.exit_status = 1
            raise
        finally:
            self._ended.set()
        return self.exit_status

    def _work(self, *, may_exit: bool) -> int:
        handlers = [handler for source in self._sources for handler in source.consumer.handlers]
        self._threads = Threads(self._schedule, self.options.concurrency, self.stop, self.fail)
        if any(handler.is_async for handler in handlers) or self._lifespan is not None:
            self._loop = Loop(self._schedule, self.options.async_concurrency, self.stop, self.fail)
            self._loop.start()
        self._keeper = Keeper(self._schedule, self._sources, self._threads.replace)
        with ExitStack() as stack:
            if self._loop is not None:
                stack.callback(self._loop.stop, _JOIN_S)
            stack.enter_context(Health(self.options.health, self.state))
            if not stack.enter_context(entered(self._lifespan, self._loop)):
                return 1
            settle_at_exit(self, holding=True)
            self._keeper.start()
            if not all(handler.is_async for handler in handlers):
                self._threads.start()
            for fetcher in self._fetchers:
                fetcher.start()
            _log.info("Worker of %s: started.", ", ".join(source.name for source in self._sources))
            order = self._next_order()
            return self._drain(order, may_exit=may_exit)

    def _next_order(self, give_up: float | None = None) -> str:
        """Return the next order, except those that are carried out at once or that change nothing."""
        while True:
            order = self._orders.next(give_up)
            if order == "stacks":
                self._log_stacks()
            elif order != "stop" or not self._schedule.stopping:
                return order

    def _drain(self, order: str, *, may_exit: bool) -> int:
        give_up = time.monotonic() + self.options.drain_timeout
        released = self._schedule.stop(self._sources)
        with self._schedule.lock:
            running = len(self._schedule.running)
        if order == "stop":
            _log.info("Worker stops: %d events released, %d handlers still run.", released, running)
        status = _STATUS.get(order, 0)
        threading.Thread(target=self._await_idle, name="drain", daemon=True).start()
        while (order := self._next_order(give_up)) in {"fail", "misconfigured", "burst"}:
            status = status or _STATUS.get(order, 0)
        if order == "late" and not self._schedule.running:
            order = self._next_order(time.monotonic() + _LAST_SETTLEMENTS_S)
        if order != "idle":
            return self._cut(order, may_exit=may_exit)
        self._close(max(_LAST_SETTLEMENTS_S, give_up - time.monotonic()))
        return status

    def _await_idle(self) -> None:
        """Send what is to be sent, wait until no handler runs, and say so."""
        self._flush(self.options.drain_timeout)
        for fetcher in self._fetchers:
            fetcher.stop()
        self._schedule.await_idle(threading.TIMEOUT_MAX)
        self._orders.give("idle")

    def _flush(self, timeout_s: float, flush: Callable[[Outcomes, float], None] = Outcomes.flush) -> None:
        """Send all outcomes that are there."""
        give_up = time.monotonic() + timeout_s
        for source in self._sources:
            try:
                flush(source.outcomes, max(_LEAST_S, give_up - time.monotonic()))
            except PubSubError as error:  # noqa: PERF203 - one subscriber's failure must not keep the others' outcomes
                source.outcomes.log_unsettled(error)

    def _close(self, timeout_s: float) -> None:
        """Send the last outcomes, and end all threads."""
        self._flush(timeout_s, Outcomes.close)
        settle_at_exit(self, holding=False)
        if self._keeper is not None:
            self._keeper.stop()
        if self._threads is not None:
            self._threads.join(_JOIN_S)

    def _cut(self, order: str, *, may_exit: bool) -> int:
        """Give up what still runs."""
        for run in self._schedule.cut():
            _log.error(
                "%r: cut after %.1f s, because %s", run, time.monotonic() - run.began,
                "the drain timeout is over" if order == "late" else "the worker was told to stop at once",
            )  # fmt: skip
        flushing = threading.Thread(target=self._flush, args=(_CUT_S,), daemon=True)
        flushing.start()
        flushing.join(_CUT_S)
        if may_exit:
            logging.shutdown()
            os._exit(1)
        settle_at_exit(self, holding=False)
        if self._keeper is not None:
            self._keeper.stop()
        return 1

    # -- parts

    def _source_of(self, consumer: Consumer, service: Service) -> Source:
        subscriber = Subscriber(consumer.subscriber, service=service, register=False)
        outcomes = subscriber.outcomes(self.options.settle_within)
        return Source(consumer, subscriber, outcomes, self.options)

    def _wake_loop(self) -> None:
        if self._loop is not None:
            self._loop.wake()

    def _log_stacks(self) -> None:
        with self._schedule.lock:
            running = list(self._schedule.running)
        _log.warning("%d handlers run.", len(running))
        for run in running:
            _log.warning("%r: runs for %.1f s:\n%s", run, time.monotonic() - run.began, stack_of(run))
