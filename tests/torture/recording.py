"""A store that writes down every change of a subscriber's document, so that the history of it is complete.

Each version names the attempt that wrote it, and each attempt, before it writes, says which version it was made from and what
it changes. Whoever writes next has read the version before, or has written it. So which attempts were carried out, and in
which order, is known whatever was killed meanwhile, and whatever answer was lost.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from uuid import uuid4

from pubsubservice.storage.port import Doc, Fields, Page, Reads, Store
from pubsubservice.subscribers.spans import Span, select
from pubsubservice.subscribers.state import State
from torture.records import Changed, Done, HistoryFile, Leased, Run

__all__ = ["WRITER", "RecordingStore"]

#: the field that names the attempt which wrote a version
WRITER = "tortured"
_SUBSCRIBERS = "subscribers/"
_REMEMBERED = 500


class RecordingStore:
    """Passes everything on to `store`, and what changes subscribers to `history` before that."""

    def __init__(self, store: Store, history: HistoryFile) -> None:
        self._store = store
        self._history = history
        self._lock = threading.Lock()
        #: versions read or written, by path and update time
        self._seen: OrderedDict[tuple[str, int], Doc] = OrderedDict()

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """As the port says."""
        reads = self._store.get_many(paths, fields)
        for doc in reads.docs:
            if doc is not None and doc.path.startswith(_SUBSCRIBERS):
                self._remember(doc)
        return reads

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """As the port says."""
        base = self._seen.get((path, if_update_time)) if path.startswith(_SUBSCRIBERS) else None
        if base is None:
            return self._store.update(path, data, if_update_time)
        writer = uuid4().hex[:12]
        data = {**data, WRITER: writer}
        new = Doc(path, data, base.created, 0)
        self._history.write(_change(base, new, writer))
        time = self._store.update(path, data, if_update_time)
        self._history.write(Done(writer, time))
        self._remember(new._replace(updated=time))
        return time

    def create(self, path: str, data: Fields) -> int:
        """As the port says."""
        return self._store.create(path, data)

    def remove(self, path: str, if_update_time: int) -> None:
        """As the port says."""
        self._store.remove(path, if_update_time)

    def delete(self, paths: Sequence[str]) -> None:
        """As the port says."""
        self._store.delete(paths)

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """As the port says."""
        return self._store.list(collection, after, limit, fields)

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        """As the port says."""
        return self._store.wait_for(paths, timeout_s)

    def end_waits(self) -> None:
        """As the port says."""
        self._store.end_waits()

    def close(self) -> None:
        """As the port says."""
        self._store.close()

    def _remember(self, doc: Doc) -> None:
        with self._lock:
            self._seen[(doc.path, doc.updated)] = doc
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)


def _change(base: Doc, new: Doc, writer: str) -> Changed:
    before, after = State.read(base), State.read(new)
    topics = {**before.topic_of(), **after.topic_of()}
    made = {
        token: Leased(lease.until, lease.attempt, _runs(topics, select(lease.spans, lease.left)))
        for token, lease in after.leases.items()
        if token not in before.leases
    }
    extended = {
        token: lease.until
        for token, lease in after.leases.items()
        if token in before.leases and before.leases[token].until != lease.until
    }
    return Changed(
        subscriber=base.path.removeprefix(_SUBSCRIBERS),
        writer=writer,
        base=str(base.data.get(WRITER, "")),
        base_time=base.updated,
        made=made,
        extended=extended,
        left=_runs(topics, sorted(_outstanding(before) - _outstanding(after))),
        positions={topic: now for topic, now in _positions(after).items() if now != _positions(before).get(topic)},
        lost={topic: lost for topic, lost in after.lost.items() if lost != before.lost.get(topic, 0)},
    )


def _positions(state: State) -> dict[str, list[int]]:
    return {
        topic: [position.index for position in subscription.positions]
        for topic, subscription in state.subscriptions.items()
    }


def _outstanding(state: State) -> set[Span]:
    """What is leased or due, event by event."""
    return {
        Span(span.number, span.partition, span.seq, span.start + i, span.start + i + 1, span.first + i)
        for holder in [*state.leases.values(), *state.due]
        for span in select(holder.spans, holder.left)
        for i in range(span.stop - span.start)
    }


def _runs(topics: dict[int, str], spans: Sequence[Span]) -> list[Run]:
    return [(topics[span.number], span.partition, span.first, span.stop - span.start) for span in spans]
