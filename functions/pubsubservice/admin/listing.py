"""Lists names, and states of many names, page by page."""

from __future__ import annotations

from typing import Any

from pubsubservice.admin.describe import Descriptions
from pubsubservice.admin.topic_states import TopicStates
from pubsubservice.core.meter import meter
from pubsubservice.core.ownership import may_see_all, may_use
from pubsubservice.log.topics import Topics
from pubsubservice.storage.port import Doc, Store
from pubsubservice.subscribers.state import State

__all__ = ["Listing"]

#: names read at once, and the most reads, to find a page of names that a caller may see
_NAMES_READ = 1_000
_MAX_PAGES = 10
#: subscribers read at once, whose documents have up to one megabyte each
_STATES_READ = 10
#: reads after which a page of states ends early
_MAX_READS = 500


class Listing:
    """Serves lists. A caller sees all topics, but only those publishers and subscribers that it may use.

    Raises Unavailable, StoreError.
    """

    def __init__(self, store: Store, topics: Topics, descriptions: Descriptions, topic_states: TopicStates) -> None:
        self._store = store
        self._topics = topics
        self._descriptions = descriptions
        self._topic_states = topic_states

    def names(self, kind: str, limit: int, after: str | None) -> tuple[list[str], str | None]:
        """List names of a kind that the caller may see; return a page, and the token of the next one (None at the end).

        Names of others are read and skipped, so a page may have fewer than `limit` names, and still be followed by another.
        """
        sees_all = kind == "topic" or may_see_all()
        size = limit if sees_all else _NAMES_READ
        names: list[str] = []
        for _ in range(1 if sees_all else _MAX_PAGES):
            page = self._store.list(f"{kind}s", after=after, limit=size, fields=("format", "owner"))
            for doc in page.docs:
                after = _name_of(doc)
                if sees_all or may_use(doc.data.get("owner")):
                    names.append(after)
                    if len(names) == limit:
                        return names, after
            if len(page.docs) < size:
                return names, None
        return names, after

    def states(self, kind: str, limit: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Describe topics or subscribers as `GET /register` does one; return a page, and the token of the next one.

        A page ends early when it has cost 500 reads.
        """
        before = meter().reads
        states: list[dict[str, Any]] = []
        while len(states) < limit and meter().reads - before < _MAX_READS:
            size = min(_STATES_READ, limit - len(states))
            docs, time, following = self._docs(kind, size, after)
            for doc in docs:
                if states and meter().reads - before >= _MAX_READS:
                    return states, after
                after = _name_of(doc)
                if kind == "topic":
                    states.append(self._topic_states.described(self._topics.met(after, doc)))
                else:
                    states.append(self._descriptions.described(State.read(doc), doc.updated, time))
            if following is None:
                return states, None
            after = following
        return states, after

    def _docs(self, kind: str, size: int, after: str | None) -> tuple[list[Doc], int, str | None]:
        """Return the next documents that the caller may see, their read time (µs), and the name to go on after."""
        if kind == "topic" or may_see_all():
            page = self._store.list(f"{kind}s", after=after, limit=size)
            return page.docs, page.time, _name_of(page.docs[-1]) if len(page.docs) == size else None
        # of others only the names are read: their documents may be large
        names, following = self.names(kind, size, after)
        if not names:
            return [], 0, following
        reads = self._store.get_many([f"{kind}s/{name}" for name in names])
        return [doc for doc in reads.docs if doc is not None], reads.time, following


def _name_of(doc: Doc) -> str:
    return doc.path.rpartition("/")[2]
