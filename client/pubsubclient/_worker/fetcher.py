"""Fetches the events of one subscriber, as many as its handlers will soon need."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._core.observing import prefetching
from pubsubclient._events.event_list import Events
from pubsubclient._worker.schedule import Schedule
from pubsubclient._worker.source import Source

if TYPE_CHECKING:
    from pubsubclient._worker.worker import Worker

__all__ = ["Fetcher"]

#: the longest wait of a request while nothing is in hand, seconds
_POLL_S = 20.0
#: and while something is. The service does not notice during a wait what becomes due by a settlement of this process
_BUSY_POLL_S = 2.0
#: the pause after an empty response that came before half of the wait was over, seconds
_PAUSE_S = 0.5
#: the pause while events of an ordered topic are in hand: the topic has no more before these are settled, seconds
_ORDERED_PAUSE_S = 1.0
#: the pause after a request that the service refused, seconds
_REFUSED_S = 30.0
#: the service has been silent for too long, seconds
_SILENT_S = 60.0
#: how long a stop waits for a request to end that it has cancelled, seconds
_CANCEL_S = 5.0
_CANCEL_STEP_S = 0.05

_log = logging.getLogger("pubsubclient.worker")


class Fetcher:
    """The thread that fetches events of one subscriber, and the only one that waits for them."""

    def __init__(self, worker: Worker, source: Source, schedule: Schedule) -> None:
        self._worker = worker
        self._source = source
        self._schedule = schedule
        self._thread = threading.Thread(target=self._run, name=f"fetcher of {source.name}", daemon=True)
        #: whether the subscriptions are made
        self._subscribed = not worker.options.subscribe
        #: whether the service refuses this subscriber's requests
        self.refused = False
        #: monotonic time of the last response; infinite while no request is necessary
        self.answered_at = time.monotonic()
        #: for `burst`: how many runs had ended before the fetch that found nothing; None if one may find something
        self.dry_at: int | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether the service has answered within the last minute, and does not refuse the requests."""
        return not self.refused and time.monotonic() - self.answered_at < _SILENT_S

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the request that waits, and wait until no more events can come. The schedule's stop comes before."""
        give_up = time.monotonic() + _CANCEL_S
        while self._thread.is_alive() and self._subscribed and time.monotonic() < give_up:
            # again and again, because a fetch that is just about to begin is not ended by what came before it
            with contextlib.suppress(PubSubError):
                self._source.subscriber.close()
            self._thread.join(_CANCEL_STEP_S)

    def _run(self) -> None:
        prefetching.set(True)
        try:
            while not self._schedule.stopping:
                try:
                    self._step()
                except PubSubError as error:  # noqa: PERF203 - each step takes milliseconds
                    if not self._goes_on_after(error):
                        return
        except Exception:  # noqa: BLE001 - for instance of a lane function; a worker without its fetcher is none
            _log.exception("Subscriber %s: the fetcher has failed", self._source.name)
            self._worker.fail()

    def _step(self) -> None:
        if not self._subscribed:
            self._source.consumer.subscribe(self._source.subscriber)
            self._subscribed = True
            self.answered_at = time.monotonic()
            return
        ended = self._schedule.ended
        size = self._await_room()
        if size:
            wait_s, asked = self._wait_s(), time.monotonic()
            events = self._fetch(size, wait_s)
            if events:
                self.dry_at = None
                self._schedule.add(self._source, events)
                return
            if not self._worker.options.burst:
                if not events.more and time.monotonic() - asked < max(wait_s / 2, _PAUSE_S):
                    # an ordered topic's events are in hand, too many are unsettled, or a proxy has ended the wait
                    self._pause(_PAUSE_S if wait_s else _ORDERED_PAUSE_S, until_settled=not wait_s)
                return
        if self._worker.options.burst:
            self._found_nothing(ended)

    def _fetch(self, size: int, wait_s: float) -> Events:
        source = self._source
        if self._worker.options.burst:
            source.outcomes.flush()  # first, because a settlement may bring events back
        elif source.is_ordered:
            source.outcomes.await_sent()  # first, because the topic has nothing more before that
        events = source.subscriber.fetch(size, wait_s, settle=source.outcomes)
        self.answered_at = time.monotonic()
        if self.refused:
            self.refused = False
            _log.info("Subscriber %s: the service no longer refuses its requests", source.name)
        return events

    def _await_room(self) -> int:
        """Wait until fewer than half of the events to hold are there; returns how many to fetch.

        Returns 0 at the stop, and in a burst for a subscriber that is paused.
        """
        source, schedule = self._source, self._schedule
        with schedule.lock:
            while not schedule.stopping:
                pause_s = source.paused_until - time.monotonic()
                target = source.pace.next_size()
                if pause_s <= 0 and 2 * source.unbegun_events < target:
                    self.answered_at = min(self.answered_at, time.monotonic())
                    return max(1, min(target - source.unbegun_events, source.max_fetch))
                if pause_s > 0 and self._worker.options.burst:
                    return 0
                self.answered_at = math.inf
                source.refill_below = target / 2
                schedule.progress.wait(pause_s if pause_s > 0 else None)
        return 0

    def _wait_s(self) -> float:
        """Return how long the next request may wait, seconds."""
        with self._schedule.lock:
            leases = list(self._source.leases)
        if self._worker.options.burst or any(lease.ordered for lease in leases):
            return 0.0
        return _BUSY_POLL_S if leases else _POLL_S

    def _pause(self, seconds: float, *, until_settled: bool = False) -> None:
        """Wait, at most until the stop, or until no event of an ordered topic is in hand: then its topic may have more."""
        source, schedule = self._source, self._schedule

        def is_over() -> bool:
            return schedule.stopping or (until_settled and not any(lease.ordered for lease in source.leases))

        with schedule.lock:
            schedule.progress.wait_for(is_over, seconds)

    def _found_nothing(self, ended: int) -> None:
        """In a burst: wait until a run has ended, which may have brought work; then look again."""
        with self._schedule.lock:
            self.dry_at = ended
        self._worker.look_for_end()
        with self._schedule.lock:
            self._schedule.progress.wait_for(lambda: self._schedule.stopping or self._schedule.ended != ended)

    def _goes_on_after(self, error: PubSubError) -> bool:
        """A request failed; pause if another one may do better."""
        if not isinstance(error, ServiceError) and not error.retryable:
            self._worker.misconfigured(error)
            return False
        if error.retryable:
            self._pause(_PAUSE_S)  # the transport has tried for long, and logs the outage
            return True
        if not self.refused:
            self.refused = True
            _log.error("Subscriber %s: the service refuses its requests: %s", self._source.name, error)
        if self._worker.options.burst or self._worker.all_refused():
            self._worker.fail()
            return False
        self._pause(_REFUSED_S)
        return True
