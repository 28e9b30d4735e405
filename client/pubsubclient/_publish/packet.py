"""The events of one request of a batch, and the futures that their callers got.

Most programs look at no future of a batch, or only when all is over. So a future is one small object, until somebody looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from threading import RLock
from typing import Any

from pubsubclient._core.observing import BatchObserver
from pubsubclient._events.event import Event
from pubsubclient._http.exchange import Exchange
from pubsubclient._publish.errors import PublishError
from pubsubclient._publish.receipts import Receipt

__all__ = ["Packet", "Promise", "Result"]

#: what became of an event; None if its future was cancelled
Result = Receipt | PublishError | None

_log = logging.getLogger("pubsubclient.publisher")


class Packet:
    """Events that share a request, in order. Thread-safe, but for `add`, which only the queue calls.

    Args:
        topic: the topic of the first event
        since: when the first event came, monotonic seconds
        looked_at: called, with no lock held, when somebody looks at the first of the promises
        before: how many events of the batch were published before these, and their bytes of JSON
    """

    __slots__ = (
        "_looked_at", "_topic", "_watched", "before", "cancelled", "closed", "count", "events", "exchange", "lines", "lock",
        "observed", "one_topic", "results", "since", "size", "started", "told", "tried_before",
    )  # fmt: skip

    def __init__(self, topic: str, since: float, looked_at: Callable[[], None], before: tuple[int, int]) -> None:
        self._topic = topic
        self.since = since
        self.before = before
        self._looked_at = looked_at
        #: whether it was called
        self.told = False
        #: guards the rest; a signal handler may look at a future while this thread has it
        self.lock = RLock()
        #: the events and their JSON; empty once there are results
        self.events: list[Event] = []
        self.lines: list[bytes] = []
        self.count = 0
        #: bytes of JSON
        self.size = 0
        #: whether all events are of one topic
        self.one_topic = True
        #: whether it takes no more events; the batch's lock guards this
        self.closed = False
        #: the request, if a caller has begun it
        self.exchange: Exchange | None = None
        #: what watches the request, if anything does
        self.observed: BatchObserver | None = None
        #: whether it is in a request, so that its events cannot be cancelled any more
        self.started = False
        #: places of the events that were cancelled before, and of those that an earlier publish may have stored
        self.cancelled: set[int] = set()
        self.tried_before: set[int] = set()
        #: what became of each event; None before that is known
        self.results: Sequence[Result] | None = None
        #: the promises that somebody looked at before there were results, with their places
        self._watched: list[tuple[int, Promise]] = []

    @property
    def watched(self) -> bool:
        """Whether somebody has looked at a promise and waits for its result, or for its callbacks."""
        return bool(self._watched)

    def add(self, event: Event, line: bytes) -> Promise:
        """Add an event at the end, and return its future. It counts when the queue has raised `count` and `size`."""
        place = self.count
        events = self.events
        if len(events) != place:  # a signal handler has interrupted the call before
            del events[place:], self.lines[place:]
        if event.topic != self._topic:
            self.one_topic = False
        events.append(event)  # first, so that there are never fewer events than lines
        self.lines.append(line)
        return Promise(self, place)

    def watch(self, place: int, promise: Promise) -> Future[Receipt]:
        """Return a future in the state of the event at `place`; if it has no result yet, `promise` gets it. Holds the lock."""
        future: Future[Receipt] = Future()
        if self.results is None:
            if self.started:
                future.set_running_or_notify_cancel()
            self._watched.append((place, promise))
        else:
            result = self.results[place]
            if result is None:
                future.cancel()
                future.set_running_or_notify_cancel()
            else:
                _set(future, result)
        return future

    def looked_at(self) -> None:
        """Tell the batch that somebody waits, once."""
        with self.lock:
            tells, self.told = self.results is None and not self.told, True
        if tells:
            self._looked_at()

    def start(self, store: str) -> None:
        """Mark the futures as running, so that they cannot be cancelled any more; remember those that were.

        Also remember which events were tried before at `store`; later calls do nothing.
        """
        with self.lock:
            if self.started:
                return
            self.tried_before = {place for place, event in enumerate(self.events) if event.was_tried(store)}
            self.started = True
            watched = list(self._watched)
        # without the lock: these take the locks of futures, whose owners may be waiting for ours
        for place, promise in watched:
            try:
                if not promise.set_running_or_notify_cancel():
                    self.cancelled.add(place)
            except RuntimeError:  # noqa: PERF203 - the caller has set the future's result by hand; the event is published
                pass

    def settle(self, results: Sequence[Result], *, silently: bool = False) -> bool:
        """Keep what became of the events, and pass it on to the promises that somebody looked at.

        With `silently`, it does nothing if there are such promises, and returns False: their callbacks run in the batch's
        thread alone.
        """
        with self.lock:
            if silently and self._watched:
                return False
            self.results, self.exchange = results, None
            events, self.events, self.lines = self.events, [], []
            watched, self._watched = self._watched, []
        for place, promise in watched:
            if (result := results[place]) is not None:
                with _callback_errors_logged(events[place]):
                    _set(promise, result)
        return True


class Promise(Future[Receipt]):
    """A future that becomes a whole one when somebody looks at it.

    It skips the constructor of `Future`, so it lacks all that a future keeps. Whatever looks at it, from `result` to
    `asyncio.wrap_future`, asks for something that is missing, and so comes to ``__getattr__``, which adds all of it at once.
    """

    __slots__ = ("_packet", "_place")

    def __init__(self, packet: Packet, place: int) -> None:
        #: None once it is a whole future
        self._packet: Packet | None = packet
        self._place = place
        if not _LAZY:
            self._become_whole(packet)

    def __getattr__(self, name: str) -> Any:
        if name in Promise.__slots__:  # missing while a copy is being made
            raise AttributeError(name)
        if (packet := self._packet) is not None:
            self._become_whole(packet)
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def _become_whole(self, packet: Packet) -> None:
        with packet.lock:
            if self._packet is None:
                return
            # in one step, or another thread would see half a future
            vars(self).update(vars(packet.watch(self._place, self)))
            self._packet = None
        packet.looked_at()


#: whether all that a future keeps is missing from its class, so that it can be added later
_LAZY = not any(hasattr(Future, name) for name in vars(Future()))


def _set(future: Future[Receipt], result: Receipt | PublishError) -> None:
    if isinstance(result, PublishError):
        future.set_exception(result)
    else:
        future.set_result(result)


@contextmanager
def _callback_errors_logged(event: Event) -> Iterator[None]:
    """Log what a callback of the future raises, SystemExit too, so that the other futures get their results all the same."""
    try:
        yield
    except InvalidStateError:
        pass  # the caller has set the future's result by hand
    except BaseException:  # noqa: BLE001 - sys.exit in a callback must not end the batch's thread
        _log.exception("A callback of the future of %r failed", event)
