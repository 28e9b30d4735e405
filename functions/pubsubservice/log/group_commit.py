"""Group commit: one thread commits the waiting publishes of a log together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pubsubservice.core.problems import BadRequest, Unavailable
from pubsubservice.core.runtime import Event, Runtime
from pubsubservice.events.entry import Entry
from pubsubservice.events.validate import MAX_EVENTS
from pubsubservice.log.batch import MAX_BATCH_BYTES, compress, document_bytes

__all__ = ["Append", "GroupCommit"]

#: most bytes of a group of several requests, before compression and with hashes: its document is certain to fit
_MAX_GROUP_BYTES = 800_000


class Append:
    """A publish waiting to be appended to a log. The commit sets `places`, or `problem`.

    Args:
        publisher: name of the publisher
        entries: the publish's events, in order
        since: store time of the publish's first attempt, µs; None if the caller does not know it
        unlimited_lookback: recognise events that were stored since `since`, even before the deduplication window
        delay_ms: how long after their commit the events are held back

    Raises BadRequest (413) if the events do not fit one batch.
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
        #: bytes before compression: lines with line breaks, and hashes
        self.raw_bytes = sum(len(entry.line) for entry in entries) + 9 * len(entries)
        #: the blob of all entries; a large one is compressed here, in the thread of its own request
        self.blob: bytes | None = None
        #: log index and commit time (µs) of each event; None until it is stored
        self.places: list[tuple[int, int] | None] = [None] * len(entries)
        #: events that repeat an event of the same group: (index of the event, request of the other, index of the other)
        self.duplicates: list[tuple[int, Append, int]] = []
        #: what the request fails with
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
    """The queue of publishes that wait for one log.

    A thread that finds no leader becomes the leader: it commits groups until its own request is done, then hands over to
    the first waiting thread. So all work is done within requests, because the cloud gives a function CPU only then.

    Args:
        commit: sets the places or the problem of every request in a group; an error it raises becomes the problem of
            every request that has none
    """

    def __init__(self, runtime: Runtime, commit: Callable[[list[Append]], None]) -> None:
        self._runtime = runtime
        self._commit = commit
        self._lock = runtime.new_lock()
        self._waiting: deque[tuple[Append, Event]] = deque()
        self._has_leader = False

    def submit(self, request: Append) -> None:
        """Commit a request, together with others that wait. Raises the request's problem."""
        wakeup = self._runtime.new_event()
        with self._lock:
            self._waiting.append((request, wakeup))
            is_follower, self._has_leader = self._has_leader, True
        if is_follower:
            wakeup.wait()
        if not request.done:  # this thread leads: from the start, or because the last leader handed over to it
            try:
                while not request.done:
                    with self._lock:
                        group = self._next_group()
                    try:
                        self._commit([member for member, _ in group])
                    except Exception as error:  # noqa: BLE001 - raised again in the thread of each request
                        _finish(group, error)
                    except BaseException:
                        _finish(group, _interrupted())
                        raise
                    else:
                        _finish(group, None)
            finally:
                with self._lock:
                    self._has_leader = bool(self._waiting)
                    if self._waiting:
                        self._waiting[0][1].set()
        if request.problem is not None:
            raise request.problem

    def _next_group(self) -> list[tuple[Append, Event]]:
        """Remove the next group from the queue: the first request, and further ones within the limits of a batch."""
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
    """Wake the thread of each request; `problem` becomes the problem of each request that has none."""
    for request, wakeup in group:
        if request.problem is None:
            request.problem = problem
        request.done = True
        wakeup.set()


def _interrupted() -> Unavailable:
    """Return the problem of a group whose commit ended by a BaseException, such as SystemExit."""
    return Unavailable("interrupted", "The process was stopped while the events were being stored.")
