"""Group commit: publishes that wait for the same log are committed together, by one of their own threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pubsubservice.core.problems import BadRequest, Unavailable
from pubsubservice.core.runtime import Event, Runtime
from pubsubservice.events.entry import Entry
from pubsubservice.events.validate import MAX_EVENTS
from pubsubservice.log.batch import MAX_BATCH_BYTES, compress, document_bytes

__all__ = ["Append", "GroupCommit"]

#: a group of several requests stays below this in raw bytes and hashes, so that its document fits without trying
_MAX_GROUP_BYTES = 800_000


class Append:
    """One publish on its way into a log; afterwards `indexes` and `times` hold its events' places.

    Args:
        publisher: name of the publisher
        entries: its events, in order
        since: store time of the first try, µs, or None when the caller did not say
        far: look back to `since` however long ago it is, beyond what publishers are promised
        delay_ms: how long after their commit the events are kept back

    Raises BadRequest (413) when its batch would not fit one document.
    """

    def __init__(
        self,
        publisher: str,
        entries: Sequence[Entry],
        since: int | None,
        *,
        unlimited_lookback: bool = False,
        delay_ms: int = 0,
    ) -> None:
        self.publisher = publisher
        self.entries = entries
        self.since = since
        self.unlimited_lookback = unlimited_lookback
        self.delay_ms = delay_ms
        #: bytes before compression, the hashes included
        self.raw_bytes = sum(len(entry.line) for entry in entries) + 9 * len(entries)
        #: the blob of all entries, made in the request's own thread when it is large
        self.blob: bytes | None = None
        #: log index and commit time (µs) of each event, once it has a place
        self.places: list[tuple[int, int] | None] = [None] * len(entries)
        #: events whose identity waits already: (which, the request, its event)
        self.duplicates: list[tuple[int, Append, int]] = []
        self.problem: Exception | None = None
        self.done = False
        if self.raw_bytes > _MAX_GROUP_BYTES:
            self._compress()

    def _compress(self) -> None:
        self.blob = compress([entry.line for entry in self.entries])
        size = document_bytes(self.blob, len(self.entries))
        if size > MAX_BATCH_BYTES:
            raise BadRequest(
                "too_large",
                f"The events of a request are stored as one batch of at most {MAX_BATCH_BYTES} compressed bytes; these "
                f"{len(self.entries)} take {size}. Split the request; nothing was stored.",
                status=413,
            )


class GroupCommit:
    """The queue of publishes before one log.

    The thread that finds no leader leads: it commits groups until its own request is done, then hands over to the first
    that waits. So all work is done within requests, which is when the cloud gives a function its CPU.

    Args:
        commit: gives every request of a group its places or its problem; what it raises becomes the problem of all
    """

    def __init__(self, runtime: Runtime, commit: Callable[[list[Append]], None]) -> None:
        self._runtime = runtime
        self._commit = commit
        self._lock = runtime.new_lock()
        self._waiting: deque[tuple[Append, Event]] = deque()
        self._led = False

    def submit(self, request: Append) -> None:
        """Commit a request together with those that wait beside it; raises what went wrong with it."""
        turn = self._runtime.new_event()
        with self._lock:
            self._waiting.append((request, turn))
            follow, self._led = self._led, True
        if follow:
            turn.wait()
        if not request.done:
            try:
                while not request.done:
                    with self._lock:
                        group = self._next_group()
                    problem: Exception | None = _interrupted()
                    try:
                        self._commit([each for each, _ in group])
                        problem = None
                    except Exception as error:  # noqa: BLE001 - it is raised again in the thread of each request
                        problem = error
                    finally:
                        _finish(group, problem)
            finally:
                with self._lock:
                    self._led = bool(self._waiting)
                    if self._waiting:
                        self._waiting[0][1].set()
        if request.problem is not None:
            raise request.problem

    def _next_group(self) -> list[tuple[Append, Event]]:
        group = [self._waiting.popleft()]
        size, events = group[0][0].raw_bytes, len(group[0][0].entries)
        while self._waiting:
            request = self._waiting[0][0]
            size += request.raw_bytes
            events += len(request.entries)
            if size > _MAX_GROUP_BYTES or events > MAX_EVENTS:
                break
            group.append(self._waiting.popleft())
        return group


def _finish(group: Sequence[tuple[Append, Event]], problem: Exception | None) -> None:
    """Tell each thread that its request is done; `problem` is that of all which have none of their own."""
    for request, turn in group:
        if request.problem is None:
            request.problem = problem
        request.done = True
        turn.set()


def _interrupted() -> Unavailable:
    """The problem of a group whose commit was left by more than an Exception."""
    return Unavailable("interrupted", "The process was stopped while the events were being stored.")
