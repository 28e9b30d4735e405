"""The logs as they were really appended, judged at every commit; and what publishers were told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from pubsubservice.log.batch import Batch
from pubsubservice.log.registry import recorded_topic
from pubsubservice.storage.paths import log_path, seq_of
from pubsubservice.storage.port import Doc

from .publishing import Kind

__all__ = ["Appended", "Log", "Logs"]

#: (topic, partition)
Log = tuple[str, int]
_decode = msgspec.json.Decoder(Kind).decode


class Appended(NamedTuple):
    """An event in its log."""

    identity: bytes
    #: the number of its batch, and when that was committed, µs
    seq: int
    created: int
    #: when it may be delivered, µs
    visible: int
    line: bytes

    @property
    def kind(self) -> Kind:
        return _decode(self.line)


class Logs:
    """All logs of a seed, and the registry of topics."""

    def __init__(self, documents: dict[str, Doc], once_us: int, bad: Callable[[str], None]) -> None:
        self._documents = documents
        self._once_us = once_us
        self._bad = bad
        self.events: dict[Log, list[Appended]] = {}
        #: topics that the registry has, by the number of their first record
        self.recorded: dict[str, int] = {}
        #: the least that topics ever kept, µs
        self._least_us: dict[str, int] = {}
        self._last_seq: dict[Log, int] = {}
        self._appended_at: dict[tuple[Log, bytes], int] = {}
        #: identities that a log takes once, however long they are published again; and the index of each
        self.stored_once: set[bytes] = set()
        self._index_of: dict[tuple[Log, bytes], int] = {}

    def kind(self, line: bytes) -> Kind:
        """What an event says about itself."""
        return _decode(line)

    def takes_dead_letters(self, topic: str) -> bool:
        doc = self._documents.get(f"topics/{topic}")
        return doc is not None and bool(doc.data["dead_letter"])

    def trimmed(self, topic: str, partition: int, index: int) -> bool:
        """Whether retention has taken an event."""
        doc = self._documents.get(log_path(topic, partition))
        trim = 0 if doc is None else int(doc.data["trim"] or 0)
        events = self.events.get((topic, partition), [])
        return index < len(events) and events[index].seq <= trim

    def on_topic(self, path: str, doc: Doc) -> None:
        """A topic was made or changed."""
        topic = path.partition("/")[2]
        retention_us = int(doc.data["retention_s"] or 0) * 1_000_000
        self._least_us[topic] = min(retention_us, self._least_us.get(topic, retention_us))

    def on_trim(self, path: str, old: Doc | None, doc: Doc) -> None:
        """Retention moved on, before it deletes: what it takes is over its time, by the least that the topic ever kept."""
        _, topic, _, partition = path.split("/")
        before = 0 if old is None else int(old.data["trim"] or 0)
        for event in self.events.get((topic, int(partition)), []):
            if not before < event.seq <= int(doc.data["trim"] or 0):
                continue
            if doc.updated - event.created < self._least_us[topic]:
                self._bad("retention took an event before its time")
            if event.visible > event.created and doc.updated - event.visible < self._least_us[topic] // 2:
                self._bad("retention took a delayed event that nobody had time to get")

    def on_record(self, path: str, doc: Doc) -> None:
        """The registry has one more record."""
        self.recorded.setdefault(recorded_topic(doc), seq_of(path))

    def on_batch(self, path: str, doc: Doc) -> list[Appended]:
        """A batch was created; returns its events, none if it is no part of its log."""
        parts = path.split("/")
        log = (parts[1], int(parts[3]))
        if log[0] not in self.recorded and not self.takes_dead_letters(log[0]):
            self._bad("a batch before its topic's record")
        seq, batch = seq_of(path), Batch(doc)
        last = self._last_seq.get(log, 0)
        if seq <= last:
            return []  # a stray below the trim point: no part of the log, and nobody may read it
        events = self.events.setdefault(log, [])
        if seq != last + 1 or batch.first != len(events):
            self._bad("the log is not dense")
        self._last_seq[log] = seq
        hashes = bytes(doc.data["hashes"])  # type: ignore[arg-type]
        first = len(events)
        for offset, line in enumerate(batch.lines()):
            identity = hashes[8 * offset : 8 * offset + 8]
            before = self._appended_at.get((log, identity))
            if before is not None and doc.created - before < self._once_us:
                self._bad("an event was appended twice")
            at = self._index_of.get((log, identity))
            if identity in self.stored_once and at is not None and not self.trimmed(*log, at):
                self._bad("an event was appended twice, long after")
            self._index_of[(log, identity)] = len(events)
            self._appended_at[(log, identity)] = doc.created
            events.append(Appended(identity, seq, doc.created, batch.due_at(offset)[0], line))
        return events[first:]

    def published(self, log: Log, identities: list[bytes], places: list[tuple[int, int]]) -> None:
        """A publish was acknowledged."""
        if len(places) != len(identities):
            self._bad("a receipt is missing")
        for identity, (index, time) in zip(identities, places, strict=False):
            events = self.events.get(log, [])
            if index >= len(events) or events[index].identity != identity or events[index].created != time:
                self._bad("an acknowledged event is not in the log (LOST)")
