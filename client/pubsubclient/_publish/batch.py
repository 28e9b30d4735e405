"""Publishes events in the background, many in a request."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, overload

from pubsubclient._core.arguments import unpicklable
from pubsubclient._core.at_exit import EXIT_DEADLINE_S
from pubsubclient._core.errors import BatchClosed, InvalidArgument
from pubsubclient._core.observing import observer
from pubsubclient._events.event import Event
from pubsubclient._events.topic import T, Topic
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch_driver import Driver
from pubsubclient._publish.chunks import new_event
from pubsubclient._publish.errors import PublishError, publish_error
from pubsubclient._publish.packet import Result
from pubsubclient._publish.receipts import Receipt

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["Batch", "open_batches"]

#: failed events that the error of `close` lists
_MAX_FAILED = 10_000

_log = logging.getLogger("pubsubclient.publisher")


class Batch:
    """Publishes events in the background, in order, with a future for each. Made by `Publisher.batch`. Thread-safe.

    One request is under way at a time. Meanwhile callers encode and collect the events of the next request. An event waits at
    most `max_delay` seconds for others to share its request. Whoever fills a request writes it; else the batch's own thread
    sends.

    A refused event fails only its own future; the other events are stored. When the service stays out of reach until the
    deadline, all remaining events fail, and so does every later `publish`.

    Leaving the `with` block, `close` and the end of the program send the remaining events. Leaving the block raises an error
    if any event of the batch failed, even if the program has looked at that event's future. If an exception leaves the block,
    failures are logged instead.
    """

    #: whether callers of `publish` may talk to the service, which takes milliseconds
    _callers_send: ClassVar[bool] = True

    def __init__(self, transport: Transport, publisher: str, max_delay: float, max_events: int, max_bytes: int) -> None:
        self._source = f"/publishers/{publisher}"
        self._name = publisher
        self._service = transport.service
        self._driver = Driver(
            transport,
            publisher,
            max_delay,
            max_events,
            max_bytes,
            self._count_failures,
            callers_send=self._callers_send,
        )
        self._process = os.getpid()
        #: whether it is among `_open_batches`, or was
        self._opened = False
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
        if not isinstance(first, Event):
            event = new_event(first, data, members)
        elif data or members:
            raise InvalidArgument("publish takes an event alone, or a topic with the members of the event to make.")
        else:
            event = first
        if os.getpid() != self._process:
            self._check_process()
        if (watching := observer()) is not None:
            watching.queued(event)
        if not self._opened:
            _open_batches[self] = None
            self._opened = True
        return self._driver.publish(event, event.encode(self._source))

    def flush(self, timeout: float | None = None) -> bool:
        """Send all events published so far without delay, and wait for their results, at most `timeout` seconds.

        Returns whether all of them have a result.
        """
        self._check_process()
        return self._driver.flush(timeout)

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
        self._driver.abandon()
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
        return f"<Batch of publisher {self._name!r}, {self._driver.pending} events pending>"

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise BatchClosed("The batch belongs to the process that this one was forked from; make another one here.")

    @property
    def _thread(self) -> threading.Thread | None:
        return self._driver.thread

    def _close(self, timeout: float | None) -> None:
        if not self._driver.close(timeout):
            _log.warning("Publisher %s: closed with events pending, which may be lost: %r", self._name, self)
        _open_batches.pop(self, None)

    def _count_failures(self, results: Iterable[Result]) -> None:
        """Remember the events that failed, for the error of `close`."""
        failed = [result for result in results if isinstance(result, PublishError)]
        self._failed_count += len(failed)
        self._failed += failed[: _MAX_FAILED - len(self._failed)]

    def _failure(self) -> PublishError:
        """The one error for all events that failed."""
        # its type is that of the worst failure: possibly stored, then out of reach, then refused
        worst = max(self._failed, key=lambda error: (error.uncertain, error.retryable))
        events = [event for error in self._failed for event in error.events]
        return publish_error(worst.reason, [None] * self._failed_count, events, uncertain=worst.uncertain)


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
