"""Sends the events of a batch to the service, request by request, and collects a result for each event."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from dataclasses import dataclass, field

from pubsubclient._core.errors import PubSubError, ServiceError, TooLarge, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._http.transport import Transport
from pubsubclient._publish.chunks import Request, encode_request, first_try_us
from pubsubclient._publish.errors import PublishError, publish_error
from pubsubclient._publish.receipts import Receipt, read_receipts

__all__ = ["PendingEvent", "SendResult", "Sender"]

_log = logging.getLogger("pubsubclient.publisher")

#: statuses of refusals that a single event of the request may have caused
_EVENT_FAULTS = frozenset({400, 409, 413, 422})


@dataclass(eq=False, slots=True)
class PendingEvent:
    """An event that waits for its receipt, with the future that will hold the receipt."""

    event: Event
    #: the event's JSON
    line: bytes
    future: Future[Receipt]
    #: whether an earlier publish may have stored the event
    tried_before: bool = False

    def start(self) -> bool:
        """Mark the future as running, so that it cannot be cancelled any more; return False if it was cancelled."""
        try:
            return self.future.set_running_or_notify_cancel()
        except RuntimeError:
            return True  # the caller has set the future's result by hand; the event is published all the same


@dataclass(eq=False, slots=True)
class SendResult:
    """What happened to pending events. `resolve` passes it on to their futures."""

    #: all events of the attempt, the cancelled ones included
    pending: Sequence[PendingEvent]
    #: the store that they were sent to
    store: str
    #: groups of events that were stored, with their receipts
    stored: list[tuple[Sequence[PendingEvent], Sequence[Receipt]]] = field(default_factory=list)
    failed: list[tuple[PendingEvent, PublishError]] = field(default_factory=list)
    #: the outage that stopped the sending; every event that was not stored before it has failed
    outage: Unavailable | None = None

    def resolve(self) -> None:
        """Set the receipts and errors on the futures."""
        for group, receipts in self.stored:
            for pending, receipt in zip(group, receipts, strict=True):
                with _callback_errors_logged(pending):
                    pending.future.set_result(receipt)
        for pending, error in self.failed:
            with _callback_errors_logged(pending):
                pending.future.set_exception(error)

    def extend(self, later: SendResult) -> None:
        """Add the result of further events, all of which failed or were cancelled."""
        self.pending = [*self.pending, *later.pending]
        self.failed += later.failed

    def fail(self, group: Sequence[PendingEvent], error: ServiceError | Unavailable, *, uncertain: bool) -> None:
        """Record an error for each event of a group; `uncertain` says whether the events may be stored nevertheless."""
        for pending in group:
            unknown = uncertain or pending.tried_before
            if not unknown:
                pending.event.first_tries.pop(self.store, None)
            failure = publish_error(error, [None], [pending.event], uncertain=unknown)
            failure.__cause__ = error
            self.failed.append((pending, failure))


@contextmanager
def _callback_errors_logged(pending: PendingEvent) -> Iterator[None]:
    """Log what a callback of the future raises, SystemExit too, so that the other futures are resolved all the same."""
    try:
        yield
    except InvalidStateError:
        pass  # the caller has set the future's result by hand
    except BaseException:  # noqa: BLE001 - sys.exit in a callback must not end the batch's thread
        _log.exception("A callback of the future of %r failed", pending.event)


class Sender:
    """Sends pending events to one service, and returns what happened to each."""

    def __init__(self, transport: Transport, publisher: str) -> None:
        self._transport = transport
        self._publisher = publisher
        self._store = transport.service.store
        #: half of the bytes of JSON in the last request that the service refused as too large; None before
        self.max_bytes: int | None = None

    def send(self, pending: Sequence[PendingEvent]) -> SendResult:
        """Send events, topic by topic, in order; skip those whose futures were cancelled.

        When the service refuses a request of several events, each half is sent again by itself (bisection). In the end the
        event at fault fails alone, and the others are stored, in order. An unexpected error counts as an outage.
        """
        result = SendResult(pending, self._store)
        running = self._start(pending)
        topics: dict[str, list[PendingEvent]] = {}
        for each in running:
            topics.setdefault(each.event.topic, []).append(each)
        # a stack of groups to send; the flag says whether an earlier try of the group may have taken effect
        groups: list[tuple[Sequence[PendingEvent], bool]] = [(group, False) for group in reversed(topics.values())]
        while groups and result.outage is None:
            group, uncertain = groups.pop()
            try:
                result.stored.append((group, self._publish(group)))
            except ServiceError as error:
                uncertain = uncertain or error.uncertain
                if len(group) == 1 or error.status not in _EVENT_FAULTS:
                    result.fail(group, error, uncertain=uncertain)
                    continue
                middle = len(group) // 2
                groups += [(group[middle:], uncertain), (group[:middle], uncertain)]
                if isinstance(error, TooLarge):
                    self.max_bytes = sum(len(each.line) for each in group) // 2
            except BaseException as error:  # noqa: BLE001 - callers wait for these futures, so each must get a result
                result.outage = self._outage_of(error)
                result.fail(group, result.outage, uncertain=result.outage.uncertain or uncertain)
        if result.outage is not None:
            for group, uncertain in groups:
                result.fail(group, result.outage, uncertain=uncertain)
        return result

    def fail_unsent(self, pending: Sequence[PendingEvent], error: Unavailable) -> SendResult:
        """Fail events that were never sent."""
        running = self._start(pending)
        result = SendResult(pending, self._store)
        result.fail(running, error, uncertain=False)
        return result

    def _start(self, pending: Sequence[PendingEvent]) -> list[PendingEvent]:
        """Start the events; return those that were not cancelled."""
        running = [each for each in pending if each.start()]
        for each in running:
            each.tried_before = self._store in each.event.first_tries
        return running

    def _outage_of(self, error: BaseException) -> Unavailable:
        """Convert any error to Unavailable; it is uncertain unless it says otherwise."""
        if isinstance(error, Unavailable):
            return error
        last = error if isinstance(error, Exception) else PubSubError(f"{error!r} in the batch's thread")
        outage = Unavailable("publish", self._transport.service.urls["publish"], 1, 0.0, last)
        outage.uncertain = True
        return outage

    def _publish(self, group: Sequence[PendingEvent]) -> list[Receipt]:
        """Send one request; return a receipt for each of its events."""
        events = [pending.event for pending in group]
        since_us = first_try_us(events, self._store, self._transport.clock.now_us())
        request = Request(events[0].topic, range(len(group)), [pending.line for pending in group])
        response = self._transport.call("publish", encode_request(request, self._publisher, since_us))
        return read_receipts(response.body, len(group))
