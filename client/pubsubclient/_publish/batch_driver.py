"""Moves the packets of a batch: decides which thread talks to the service, and when.

A caller whose event fills a packet reads the answer of the request before, if it has come, and writes the next request. Then
it goes on to make events while the service works, and no other thread takes the interpreter from it. It waits for the service
for 20 ms at most to write a request, and for 2 s at most for the rest of an answer that has begun.

The batch's own thread does what no caller does. It sends packets that have waited for too long, and reads answers that nobody
reads. It sends all at a flush and at the end, and when callers wait for room. It resolves the futures that somebody looks at.
And it deals with all trouble.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from pubsubclient._core.errors import BatchClosed, Unavailable
from pubsubclient._events.event import Event
from pubsubclient._http.exchange import can_begin
from pubsubclient._http.transport import Transport
from pubsubclient._publish.batch_rules import IDLE_S, Rules
from pubsubclient._publish.batch_sender import Sender
from pubsubclient._publish.errors import PublishUnavailable
from pubsubclient._publish.packet import Packet, Promise, Result
from pubsubclient._publish.queue import Queue

__all__ = ["Driver"]

#: how long a caller writes a new request at most, and reads an answer that has begun, seconds
_WRITE_S = 0.02
_READ_S = 2.0


class Driver:
    """The packets of one batch on their way. Thread-safe.

    Args:
        transport: the way to the service
        publisher: the publisher's name
        max_delay_s: the longest time that an event waits for others to share its request
        max_events: the most events without a result
        max_bytes: the most bytes of JSON in these events
        on_results: called with what became of a packet's events when some of them may have failed
        callers_send: whether callers of `publish` may talk to the service
    """

    def __init__(
        self,
        transport: Transport,
        publisher: str,
        max_delay_s: float,
        max_events: int,
        max_bytes: int,
        on_results: Callable[[Sequence[Result]], None],
        *,
        callers_send: bool,
    ) -> None:
        self._name = publisher
        self._clock = transport.service.clock
        self._read_timeout_s = transport.service.read_timeout_s
        self._sender = Sender(transport, publisher)
        self._on_results = on_results
        self._lock = threading.Lock()
        #: notified when the thread has something to do
        self._work = threading.Condition(self._lock)
        #: notified when events have got their results
        self._progress = threading.Condition(self._lock)
        self._queue = Queue(max_events, max_bytes, self._clock.monotonic, self._looked_at)
        self.thread: threading.Thread | None = None
        #: when the thread wakes up by itself, monotonic seconds; 0 while it is awake
        self._wakes_at = 0.0
        self._rules = Rules(self._queue, max_delay_s, callers_send=callers_send and can_begin(transport))
        #: the thread that talks to the service now; only this one takes packets off the queue
        self._busy: int | None = None
        #: the outage after which the batch takes no more events
        self._outage: Unavailable | None = None

    @property
    def pending(self) -> int:
        """How many events have no result."""
        return self._queue.pending

    def has_room(self, more_bytes: int) -> bool:
        """Whether `publish` would not block for an event of so many bytes now, if nobody else publishes."""
        with self._lock:
            return self._queue.has_room(more_bytes) or self._queue.closed or self._outage is not None

    def publish(self, event: Event, line: bytes) -> Promise:
        """Queue an event, and maybe send the packet that it fills; block while there is no room.

        Raises BatchClosed, PublishUnavailable: as `Batch.publish`.
        """
        with self._lock:
            queue = self._queue
            if queue.closed or self._outage is not None or not queue.has_room(len(line)):
                self._await_room(event, len(line))
            promise = queue.put(event, line)
            sends = queue.calls_for_a_look and self._look()
        if sends:
            self._advance()
        return promise

    def flush(self, timeout: float | None) -> bool:
        """Send all events published so far without delay, and wait for their results; return whether they have them."""
        with self._lock:
            self._queue.flush_to = self._queue.published
            return self._wait_for_results(timeout)

    def close(self, timeout: float | None) -> bool:
        """Take no more events, send the remaining ones, and end the thread; return whether all have a result."""
        with self._lock:
            self._queue.closed = True
            self._progress.notify_all()
            return self._wait_for_results(timeout)

    def abandon(self) -> None:
        """Take no more events, and forget those that are not in a request."""
        with self._lock:
            self._queue.closed = True
            self._queue.drop_unsent()
            self._work.notify_all()
            self._progress.notify_all()

    def _await_room(self, event: Event, size: int) -> None:
        """Wait until an event of so many bytes may be queued; the thread that makes the room itself does not wait.

        Raises BatchClosed, PublishUnavailable: as `Batch.publish`.
        """
        queue = self._queue
        while not (queue.has_room(size) or queue.closed or self._outage is not None or self._is_own_thread()):
            self._work.notify()
            self._clock.wait(self._progress)
        if queue.closed:
            raise BatchClosed("The batch is closed: it takes no more events.")
        if self._outage is not None:
            raise PublishUnavailable(self._outage, [None], [event]) from self._outage

    def _wait_for_results(self, timeout: float | None) -> bool:
        published = self._queue.published
        self._work.notify()
        return self._clock.wait_for(
            self._progress, lambda: self._queue.resolved >= published, 0 if self._is_own_thread() else timeout
        )

    def _is_own_thread(self) -> bool:
        """Whether this thread makes room itself: the batch's own, or one that a signal handler interrupts while it sends."""
        return threading.get_ident() == self._busy or threading.current_thread() is self.thread

    def _looked_at(self) -> None:
        """Wake up the thread, because somebody looks at a future."""
        # this thread may have the lock already, if a signal handler looks; then the batch's thread comes by itself, soon
        if self._lock.acquire(blocking=False):
            try:
                self._work.notify()
            finally:
                self._lock.release()

    # --- what callers do

    def _look(self) -> bool:
        """Return whether this caller talks to the service now; if not, see to it that the thread wakes up in time."""
        if self.thread is None:
            # a daemon, so that the interpreter does not wait for it: the exit handler closes the batch
            thread = threading.Thread(target=self._run, name=f"batch of {self._name}", daemon=True)
            thread.start()
            self.thread = thread
        if self._busy is not None:
            return False
        first = self._queue.packets[0]
        if self._rules.is_for_caller(first, self._clock.monotonic()) and threading.current_thread() is not self.thread:
            return True
        self._wake_up()
        return False

    def _advance(self) -> None:
        """Read the answer of the request that is under way, if it has come, and begin the next request."""
        this = threading.get_ident()
        try:
            with self._lock:
                if self._busy is not None:
                    return
                self._busy = this
            if self._collect():
                self._begin()
        finally:
            if self._busy == this:
                self._busy = None
                with self._lock:
                    self._progress.notify_all()  # again, because a signal handler may have kept this thread from it
                    self._wake_up()

    def _collect(self) -> bool:
        """Return whether no request is under way any more. What fails, and what somebody waits for, is left to the thread."""
        packet = self._queue.first
        if packet is None or not packet.started:
            return True
        exchange = packet.exchange
        if exchange is None:
            return False
        exchange.write(0.0)
        if packet.watched or not exchange.ready:
            return False
        try:
            receipts = self._sender.receipts(packet, exchange, _READ_S)
        except Exception:  # noqa: BLE001 - the thread gets it again, and deals with it
            return False
        if not packet.settle(receipts, silently=True):
            return False
        self._resolve_first()
        return True

    def _begin(self) -> None:
        """Begin the request of the first packet, if it is ripe; else, or if the request fails, leave it to the thread."""
        with self._lock:
            packet = self._queue.first
            if packet is None or not self._rules.is_for_caller(packet, self._clock.monotonic()):
                return
            packet.closed = True
        try:
            exchange = packet.exchange = self._sender.begin(packet)
        except Exception:  # noqa: BLE001 - the thread gets it again, and deals with it
            return
        if exchange is not None:
            exchange.write(_WRITE_S)

    # --- what the batch's thread does

    def _wake_up(self) -> None:
        """Wake up the thread if it has something to do, or will have before it wakes up by itself."""
        due_s = self._rules.due_s(self._clock.monotonic(), idle=False)
        if due_s is not None and self._wakes_at > due_s:
            self._wakes_at = 0.0
            self._work.notify()

    def _run(self) -> None:
        """Take packets when nobody else does, until the batch has ended: the body of the batch's thread."""
        while (packet := self._next_packet()) is not None:
            self._finish(packet)
            self._busy = None

    def _next_packet(self) -> Packet | None:
        """Wait until the thread has to take the first packet, and return it; return None at the end of the batch."""
        with self._lock:
            published, seen_at = -1, 0.0
            while True:
                now = self._clock.monotonic()
                if published != self._queue.published:
                    published, seen_at = self._queue.published, now
                due_s = self._rules.due_s(now, idle=now >= seen_at + IDLE_S)
                if due_s is None and self._queue.closed:
                    return None
                if self._busy is not None:
                    due_s = now + IDLE_S
                elif due_s is not None and due_s <= now:
                    self._busy = threading.get_ident()
                    packet = self._queue.packets[0]
                    packet.closed = True
                    return packet
                self._wakes_at = float("inf") if due_s is None else due_s
                self._clock.wait(self._work, None if due_s is None else due_s - now)
                self._wakes_at = 0.0

    def _finish(self, packet: Packet) -> None:
        """Send a packet, or read the answer of the request that a caller has begun, and pass on the results."""
        outage = None
        if packet.results is None:
            tried: Exception | None = None
            results: Sequence[Result] | None = None
            if packet.exchange is not None:
                try:
                    results = self._sender.receipts(packet, packet.exchange, self._read_timeout_s)
                except Exception as error:  # noqa: BLE001 - `send` raises it, or tries again
                    tried = error
            if results is None:
                results, outage = self._sender.send(packet, tried)
                self._on_results(results)
            if outage is not None:
                with self._lock:
                    self._outage = outage
            packet.settle(results)
        self._resolve_first()
        if outage is not None:
            self._fail_rest(outage)

    def _fail_rest(self, outage: Unavailable) -> None:
        """Fail the packets that were not sent."""
        while (packet := self._queue.first) is not None:
            results = self._sender.fail_unsent(packet, outage)
            self._on_results(results)
            packet.settle(results)
            self._resolve_first()

    def _resolve_first(self) -> None:
        with self._lock:
            self._queue.limit_requests(self._sender.max_bytes)
            self._queue.resolve_first()
            self._progress.notify_all()
