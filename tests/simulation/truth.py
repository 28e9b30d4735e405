"""What is really so: judged at every commit, from what the store holds and what the clients did. Each violation has a name."""

from __future__ import annotations

from collections import Counter

from pubsubservice.core.settings import Bounds
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.leases import Settlements
from pubsubservice.subscribers.state import State

from .book import Book
from .letters import Letters
from .logs import Logs
from .removing import Removal
from .said import Said

__all__ = ["Truth"]


class Truth:
    """The promises, checked."""

    def __init__(self, documents: dict[str, Doc], once_us: int, bounds: Bounds, *, gentle: bool) -> None:
        self._documents = documents
        self._bounds = bounds
        self.violations: Counter[str] = Counter()
        self.said = Said(self.bad, gentle=gentle)
        self.logs = Logs(documents, once_us, self.bad)
        self._letters = Letters(self.logs, self.bad)
        self.books: dict[str, Book] = {}

    def bad(self, what: str) -> None:
        self.violations[what] += 1

    def on_commit(self, path: str, old: Doc | None, new: Doc | None, call: object, settlements: Settlements) -> None:
        """A document was changed, within a call with these settlements."""
        if new is None:
            if old is not None and path.startswith("subscribers/"):
                self._on_removal(old, call)
            return
        if path.startswith("registry/"):
            self.logs.on_record(path, new)
        elif "/batches/" in path:
            events = self.logs.on_batch(path, new)
            _, topic, _, partition, *_ = path.split("/")
            if events and self.logs.takes_dead_letters(topic):
                self._letters.on_batch((topic, int(partition)), events)
        elif path.startswith("topics/"):
            if "/logs/" in path:
                self.logs.on_trim(path, old, new)
            else:
                self.logs.on_topic(path, new)
        elif path.startswith("subscribers/"):
            name = path.partition("/")[2]
            book = self.books.setdefault(name, Book(name, self.logs, self._letters, self.said, self._bounds, self.bad))
            if old is not None:
                state = State.read(new)
                postponed = {release.lease for release in settlements.release if release.delay_s}
                book.on_commit(State.read(old), state, new.updated, postponed)
                self.said.on_settled(call, [ack.lease for ack in settlements.ack], state)

    def _on_removal(self, doc: Doc, call: object) -> None:
        """A subscriber's name was removed: its book ends, and what comes is another life's."""
        self.books.pop(doc.path.partition("/")[2], None)
        if not isinstance(call, Removal):
            self.bad("a name was removed that nobody asked to remove")
            return
        if doc.created > call.asked:
            self.bad("a later life of a name was removed than was asked for")
        if State.read(doc).dead and not call.force:
            self.bad("dead letters were dropped with their subscriber")
