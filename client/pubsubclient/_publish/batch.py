"""Publishes events in the background, from a thread that collects them into requests."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, overload

from pubsubclient._core.arguments import unpicklable
from pubsubclient._core.at_exit import EXIT_DEADLINE_S
from pubsubclient._core.errors import BatchClosed, InvalidArgument, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._events.topic import T, Topic
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch_sender import PendingEvent, Sender, SendResult
from pubsubclient._publish.chunks import new_event
from pubsubclient._publish.errors import PublishError, PublishUnavailable, publish_error
from pubsubclient._publish.receipts import Receipt

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["Batch", "open_batches"]

#: limits of one request: larger ones gain little throughput, and delay the events behind them
_REQUEST_EVENTS = 1_000
_REQUEST_BYTES = 1_000_000
#: failed events that the error of `close` lists
_MAX_FAILED = 10_000

_log = logging.getLogger("pubsubclient.publisher")


class Batch:
    """Publishes events in the background, in order, with a future for each. Made by `Publisher.batch`. Thread-safe.

    The batch's own thread sends one request at a time. Meanwhile callers encode and collect the events of the next request.
    An event waits at most `max_delay` seconds for others to share its request.

    A refused event fails only its own future; the other events are stored. When the service stays out of reach until the
    deadline, all remaining events fail, and so does every later `publish`.

    Leaving the `with` block, `close` and the end of the program send the remaining events. Leaving the block raises an error
    if any event of the batch failed, even if the program has looked at that event's future. If an exception leaves the block,
    failures are logged instead.
    """

    def __init__(self, transport: Transport, publisher: str, max_delay: float, max_events: int, max_bytes: int) -> None:
        self._source = f"/publishers/{publisher}"
        self._name = publisher
        self._service = transport.service
        self._sender = Sender(transport, publisher)
        self._clock = transport.service.clock
        self._max_delay_s = max_delay
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        #: notified when the thread has something to do
        self._work = threading.Condition(self._lock)
        #: notified when events have got their results
        self._progress = threading.Condition(self._lock)
        #: events that are not in a request yet, their bytes, and the monotonic time at which the first of them came
        self._waiting: deque[PendingEvent] = deque()
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        #: how many events were published so far, and how many of them have a result
        self._published = 0
        self._resolved = 0
        #: bytes of the events without a result
        self._open_bytes = 0
        #: the first `_flush_to` of the published events are sent without delay
        self._flush_to = 0
        self._closed = False
        #: the outage after which the batch takes no more events
        self._outage: Unavailable | None = None
        self._failed: list[PublishError] = []
        self._failed_count = 0

    @overload
    def publish(self, event: Event, /) -> Future[Receipt]: ...
    @overload
    def publish(self, topic: Topic[T], /, data: T, **members: Unpack[EventMembers]) -> Future[Receipt]: ...
    @overload
    def publish(self, topic: Topic[Any], /, **members: Unpack[EventMembers]) -> Future[Receipt]: ...
    @overload
    def publish(self, topic: str, /, data: Any = None, **members: Unpack[EventMembers]) -> Future[Receipt]: ...

    def publish(self, first: Event | Topic | str, /, *data: Any, **members: Any) -> Future[Receipt]:
        """Queue an event, or data for a topic, to be published; block while too many events wait for their receipts.

        Returns:
            the future of the receipt. It fails with the errors of `Publisher.publish`. An event whose future is cancelled
            before the event is in a request is not sent. Callbacks of the future run in the batch's thread and should be
            quick.

        Raises:
            InvalidArgument: the argument is no event, or the event is larger than 900,000 bytes
            BatchClosed: the batch was closed, or belongs to the parent of this process
            PublishUnavailable: the service was out of reach for earlier events of this batch
        """
        if isinstance(first, Event) and (data or members):
            raise InvalidArgument("publish takes an event alone, or a topic with the members of the event to make.")
        event = first if isinstance(first, Event) else new_event(first, data, members)
        self._check_process()
        line = event.encode(self._source)
        pending = PendingEvent(event, line, Future())
        with self._lock:
            while self._is_full(len(line)) and not self._closed and self._outage is None:
                self._clock.wait(self._progress)
            if self._closed:
                raise BatchClosed("The batch is closed: it takes no more events.")
            if self._outage is not None:
                raise PublishUnavailable(self._outage, [None], [event]) from self._outage
            self._put(pending)
        return pending.future

    def flush(self, timeout: float | None = None) -> bool:
        """Send all events published so far without delay, and wait for their results, at most `timeout` seconds.

        Returns whether all of them have a result.
        """
        self._check_process()
        with self._lock:
            self._flush_to = self._published
            self._work.notify()
            return self._wait_for_results(timeout)

    def close(self) -> None:
        """Send the remaining events, and end the batch.

        The errors list the first 10,000 failed events in ``events``.

        Raises:
            PublishRefused, PublishUnavailable: events failed, and are not stored
            PublishUnknown: events failed, and some of them may be stored
        """
        if os.getpid() != self._process:
            return
        self._close(None)
        if self._failed:
            error = self._failure()
            self._failed = []
            raise error from error.reason

    def abandon(self) -> None:
        """End the batch without sending what it has, because its service will be gone."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._work.notify_all()
            self._progress.notify_all()
        _open_batches.pop(self, None)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or os.getpid() != self._process:
            self.close()
            return
        # Ctrl-C: the user wants the program to end soon
        self._close(None if isinstance(error, Exception) else EXIT_DEADLINE_S)
        if self._failed:
            _log.warning("Publisher %s: %s", self._name, self._failure())

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    @property
    def service(self) -> Service:
        """The service that the batch publishes to."""
        return self._service

    def __repr__(self) -> str:
        return f"<Batch of publisher {self._name!r}, {self._published - self._resolved} events pending>"

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise BatchClosed("The batch belongs to the process that this one was forked from; make another one here.")

    def _is_full(self, more_bytes: int) -> bool:
        """Whether `publish` has to wait for room: never in the batch's own thread, which makes room, nor in an empty batch."""
        open_events = self._published - self._resolved
        if not open_events or threading.current_thread() is self._thread:
            return False
        return open_events >= self._max_events or self._open_bytes + more_bytes > self._max_bytes

    def _put(self, pending: PendingEvent) -> None:
        if self._thread is None:
            # a daemon, so that the interpreter does not wait for it: the exit handler closes the batch
            thread = threading.Thread(target=self._run, name=f"batch of {self._name}", daemon=True)
            thread.start()
            self._thread = thread
            _open_batches[self] = None
        if not self._waiting:
            self._waiting_since = self._clock.monotonic()
        self._waiting.append(pending)
        self._waiting_bytes += len(pending.line)
        self._published += 1
        self._open_bytes += len(pending.line)
        if len(self._waiting) == 1 or self._is_due():
            self._work.notify()

    def _is_due(self) -> bool:
        """Whether to send the waiting events now, without waiting for more."""
        full = len(self._waiting) >= _REQUEST_EVENTS or self._waiting_bytes >= self._request_bytes()
        # at its limits the batch makes callers wait, so no more events can come
        held_up = self._published - self._resolved >= self._max_events or self._open_bytes >= self._max_bytes
        return full or held_up or self._closed or self._flush_to > self._published - len(self._waiting)

    def _request_bytes(self) -> int:
        return min(_REQUEST_BYTES, self._sender.max_bytes or _REQUEST_BYTES)

    def _wait_for_results(self, timeout: float | None) -> bool:
        """Wait until all events published by now have a result; return whether they have."""
        published = self._published
        if threading.current_thread() is self._thread:
            timeout = 0
        return self._clock.wait_for(self._progress, lambda: self._resolved >= published, timeout)

    def _close(self, timeout: float | None) -> None:
        with self._lock:
            self._closed = True
            self._work.notify()
            self._progress.notify_all()
            if not self._wait_for_results(timeout):
                _log.warning("Publisher %s: closed with events pending, which may be lost: %r", self._name, self)
        _open_batches.pop(self, None)

    def _failure(self) -> PublishError:
        """The one error for all events that failed."""
        # its type is that of the worst failure: possibly stored, then out of reach, then refused
        worst = max(self._failed, key=lambda error: (error.uncertain, error.retryable))
        events = [event for error in self._failed for event in error.events]
        return publish_error(worst.reason, [None] * self._failed_count, events, uncertain=worst.uncertain)

    def _run(self) -> None:
        """Send requests until the batch has ended: the body of the batch's thread."""
        while pending := self._next_request():
            result = self._sender.send(pending)
            if result.outage is not None:
                with self._lock:
                    self._outage = result.outage
                    rest = list(self._waiting)
                    self._waiting.clear()
                    self._waiting_bytes = 0
                result.extend(self._sender.fail_unsent(rest, result.outage))
            self._resolve(result)

    def _resolve(self, result: SendResult) -> None:
        """Pass results on to the futures, and make room for more events."""
        result.resolve()
        with self._lock:
            self._resolved += len(result.pending)
            self._open_bytes -= sum(len(pending.line) for pending in result.pending)
            self._failed_count += len(result.failed)
            self._failed += [error for _, error in result.failed[: _MAX_FAILED - len(self._failed)]]
            self._progress.notify_all()

    def _next_request(self) -> list[PendingEvent]:
        """Wait until a request is due, and remove its events from the queue; return none at the end of the batch."""
        with self._lock:
            while not self._waiting or not self._is_due():
                left_s = None
                if self._waiting:
                    left_s = self._waiting_since + self._max_delay_s - self._clock.monotonic()
                    if left_s <= 0:
                        break
                elif self._closed:
                    return []
                self._clock.wait(self._work, left_s)
            taken: list[PendingEvent] = []
            size = 0
            while self._waiting and len(taken) < _REQUEST_EVENTS:
                size += len(self._waiting[0].line) + 1
                if taken and size > self._request_bytes():
                    break
                taken.append(self._waiting.popleft())
                self._waiting_bytes -= len(taken[-1].line)
            return taken


#: batches to close at the end of the program; a dict keeps their order, and its pop is atomic
_open_batches: dict[Batch, None] = {}


def open_batches(service: Service) -> list[Batch]:
    """Return the batches that publish to a service, have events or had some, and are not closed."""
    return [batch for batch in list(_open_batches) if batch.service == service]


def _at_exit() -> None:
    # Exit handlers run last in, first out. This one was registered after the one that acknowledges events, so events
    # published while handling others are stored before those are acknowledged.
    for batch in list(_open_batches):
        try:
            batch.close()
        except PublishError as e:  # noqa: PERF203 - one batch's failure must not keep the others from sending
            _log.warning("At exit: %s", e)


atexit.register(_at_exit)
