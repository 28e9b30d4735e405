"""Publishing in the background."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime
from types import TracebackType
from typing import Any, NoReturn, overload

from pubsubclient._core.arguments import unpicklable
from pubsubclient._core.at_exit import EXIT_DEADLINE_S
from pubsubclient._core.attributes import Attribute
from pubsubclient._core.errors import BatchClosed, InvalidArgument, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._events.topic import Topic
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch_sender import Outcome, Parcel, Sender
from pubsubclient._publish.chunks import event_of
from pubsubclient._publish.errors import PublishError, PublishUnavailable, publish_error
from pubsubclient._publish.receipts import Receipt

__all__ = ["Batch"]

#: what is sent at once: larger requests gain little, and hold up what comes after them
_REQUEST_EVENTS = 1_000
_REQUEST_BYTES = 1_000_000
#: failed events that `close` can tell of
_MAX_FAILED = 10_000

_log = logging.getLogger("pubsubclient.publisher")


class Batch:
    """Publishes events in the background, in order, a future for each. Made by `Publisher.batch`. Thread-safe.

    A thread of its own sends requests, one after another: while one is under way the next one's events are encoded
    and collected. An event waits at most `max_delay` for others.

    A refused event fails its own future, and the others are stored all the same. When the service is out of reach
    until the deadline, everything that is left fails, and so does every `publish` after that.

    Leaving the `with`, `close` and the end of the program send what is left. Leaving raises if any event of the batch
    failed, also when its future was looked at; after an exception in the `with` failures are logged instead.
    """

    def __init__(self, transport: Transport, publisher: str, max_delay: float, max_events: int, max_bytes: int) -> None:
        self._source = f"/publishers/{publisher}"
        self._name = publisher
        self._sender = Sender(transport, publisher)
        self._max_delay_s = max_delay
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        #: something to do for the thread
        self._work = threading.Condition(self._lock)
        #: some parcels have their outcome
        self._progress = threading.Condition(self._lock)
        #: not yet in a request, with the time at which the first of them came
        self._waiting: deque[Parcel] = deque()
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        #: all so far, and those of them that have an outcome
        self._published = 0
        self._settled = 0
        #: of those that have none
        self._open_bytes = 0
        #: how many of all are to be sent without delay
        self._flush_to = 0
        self._closed = False
        self._broken: Unavailable | None = None
        self._failed: list[PublishError] = []
        self._failed_count = 0

    @overload
    def publish(self, event: Event, /) -> Future[Receipt]: ...
    @overload
    def publish(
        self,
        topic: Topic | str,
        /,
        data: Any = None,
        *,
        type: str = "event",
        subject: str | None = None,
        id: str | None = None,
        time: datetime | str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Future[Receipt]: ...

    def publish(self, first: Event | Topic | str, /, *data: Any, **members: Any) -> Future[Receipt]:
        """Publish an event, or data to a topic, some time soon; blocks while too many are on their way.

        Returns:
            the future of its receipt; it fails as `Publisher.publish` does. Cancelled before the event is
            in a request, it is not sent. What is called when it is done runs in the batch's thread: be quick.

        Raises:
            InvalidArgument: something that is no event, or one over 900,000 bytes
            BatchClosed: the batch was closed, or belongs to the parent of this process
            PublishUnavailable: the service was out of reach before
        """
        if isinstance(first, Event) and (data or members):
            raise InvalidArgument("publish takes an event, or a topic and what its event is to have.")
        event = first if isinstance(first, Event) else event_of(first, data, members)
        self._check_process()
        line = event.encode(self._source)
        parcel = Parcel(event, line, Future())
        with self._lock:
            while self._is_full(len(line)) and not self._closed and self._broken is None:
                self._progress.wait()
            if self._closed:
                raise BatchClosed("The batch is closed: it takes no more events.")
            if self._broken is not None:
                raise PublishUnavailable(self._broken, [None], [event]) from self._broken
            self._put(parcel)
        return parcel.future

    def flush(self, timeout: float | None = None) -> bool:
        """Send what was published so far without delay, and wait for its outcome, at most `timeout` seconds.

        Returns whether all of it has one.
        """
        self._check_process()
        with self._lock:
            self._flush_to = self._published
            self._work.notify()
            return self._wait_for_outcome(timeout)

    def close(self) -> None:
        """Send what is left, and end the batch.

        Raises:
            PublishRefused, PublishUnavailable: events failed, and are not stored
            PublishUnknown: events failed, and some may be stored; each has the first 10,000 of them in ``events``
        """
        if os.getpid() != self._process:
            return
        self._close(None)
        if self._failed:
            error = self._failure()
            self._failed = []
            raise error from error.reason

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or os.getpid() != self._process:
            self.close()
            return
        # Ctrl-C asks to be quick
        self._close(None if isinstance(error, Exception) else EXIT_DEADLINE_S)
        if self._failed:
            _log.warning("Publisher %s: %s", self._name, self._failure())

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    def __repr__(self) -> str:
        return f"<Batch of publisher {self._name!r}, {self._published - self._settled} events on their way>"

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise BatchClosed("The batch belongs to the process that this one was forked from; make another one here.")

    def _is_full(self, more_bytes: int) -> bool:
        """Whether the caller is to wait. Not in the thread that makes room, and never for an event alone."""
        open_events = self._published - self._settled
        if not open_events or threading.current_thread() is self._thread:
            return False
        return open_events >= self._max_events or self._open_bytes + more_bytes > self._max_bytes

    def _put(self, parcel: Parcel) -> None:
        if self._thread is None:
            # a daemon: the end of the program is not to wait for it, but flushes
            thread = threading.Thread(target=self._run, name=f"batch of {self._name}", daemon=True)
            thread.start()
            self._thread = thread
            _open_batches[self] = None
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(parcel)
        self._waiting_bytes += len(parcel.line)
        self._published += 1
        self._open_bytes += len(parcel.line)
        if len(self._waiting) == 1 or self._is_enough():
            self._work.notify()

    def _is_enough(self) -> bool:
        """Whether what waits is to be sent without waiting for more."""
        full = len(self._waiting) >= _REQUEST_EVENTS or self._waiting_bytes >= self._request_bytes()
        # a caller that is held up would wait in vain for more to come
        held_up = self._published - self._settled >= self._max_events or self._open_bytes >= self._max_bytes
        return full or held_up or self._closed or self._flush_to > self._published - len(self._waiting)

    def _request_bytes(self) -> int:
        return min(_REQUEST_BYTES, self._sender.max_bytes or _REQUEST_BYTES)

    def _wait_for_outcome(self, timeout: float | None) -> bool:
        """Wait until all that was published by now has an outcome; says whether it has."""
        published = self._published
        if threading.current_thread() is self._thread:
            timeout = 0
        return self._progress.wait_for(lambda: self._settled >= published, timeout)

    def _close(self, timeout: float | None) -> None:
        with self._lock:
            self._closed = True
            self._work.notify()
            self._progress.notify_all()
            if not self._wait_for_outcome(timeout):
                _log.warning("Publisher %s: left, and may be lost: %r", self._name, self)
        _open_batches.pop(self, None)

    def _failure(self) -> PublishError:
        """What is raised for all events that failed."""
        # the worst of them says what the caller has to expect
        worst = max(self._failed, key=lambda error: (error.uncertain, error.retryable))
        events = [event for error in self._failed for event in error.events]
        return publish_error(worst.reason, [None] * self._failed_count, events, uncertain=worst.uncertain)

    def _run(self) -> None:
        """The thread."""
        while parcels := self._take():
            outcome = self._sender.send(parcels)
            if outcome.broken is not None:
                with self._lock:
                    self._broken = outcome.broken
                    rest = list(self._waiting)
                    self._waiting.clear()
                    self._waiting_bytes = 0
                outcome.join(self._sender.give_up(rest, outcome.broken))
            self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        """Hand out what became of parcels, and make room."""
        outcome.hand_out()
        with self._lock:
            self._settled += len(outcome.parcels)
            self._open_bytes -= sum(len(parcel.line) for parcel in outcome.parcels)
            self._failed_count += len(outcome.failed)
            self._failed += [error for _, error in outcome.failed[: _MAX_FAILED - len(self._failed)]]
            self._progress.notify_all()

    def _take(self) -> list[Parcel]:
        """What is to be sent next, when it is time; nothing when the batch is at its end."""
        with self._lock:
            while not self._waiting or not self._is_enough():
                left_s = None
                if self._waiting:
                    left_s = self._waiting_since + self._max_delay_s - time.monotonic()
                    if left_s <= 0:
                        break
                elif self._closed:
                    return []
                self._work.wait(left_s)
            taken: list[Parcel] = []
            size = 0
            while self._waiting and len(taken) < _REQUEST_EVENTS:
                size += len(self._waiting[0].line) + 1
                if taken and size > self._request_bytes():
                    break
                taken.append(self._waiting.popleft())
                self._waiting_bytes -= len(taken[-1].line)
            return taken


#: batches with something to flush at the end of the program; a dict for its order and its atomic pop
_open_batches: dict[Batch, None] = {}


def _at_exit() -> None:
    # registered after the handler that acknowledges events, so it runs before it: what was made of events is stored first
    for batch in list(_open_batches):
        try:
            batch.close()
        except PublishError as e:  # noqa: PERF203 - one batch's failure must not keep the others from sending
            _log.warning("At exit: %s", e)


atexit.register(_at_exit)
