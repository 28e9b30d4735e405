"""What is really so: judged at every commit, from what the store holds and what the clients did. Each violation has a name."""

from __future__ import annotations

from collections import Counter

from pubsubservice.batch import Batch
from pubsubservice.names import log_path, seq_of
from pubsubservice.registry import recorded_topic
from pubsubservice.spans import Span, select
from pubsubservice.state import State
from pubsubservice.store import Doc
from pubsubservice.subscriber import Position

#: (number of the subscription, partition, log index)
Event = tuple[int, int, int]
Log = tuple[str, int]


class Truth:
    """The promises, checked."""

    def __init__(self, documents: dict[str, Doc], once_us: int) -> None:
        self._documents = documents
        self._once_us = once_us
        self.violations: Counter[str] = Counter()
        #: the log as it was appended: of each event its identity, its batch's number and commit time
        self.logs: dict[Log, list[tuple[bytes, int, int]]] = {}
        self._last_seq: dict[Log, int] = {}
        #: topics that the registry has
        self._recorded: set[str] = set()
        self._appended_at: dict[tuple[Log, bytes], int] = {}
        self.topics: dict[str, dict[int, str]] = {}
        self._made: dict[str, set[Event]] = {}
        self._handed: dict[tuple[str, Event], int] = {}
        self._expected: dict[tuple[str, int, int], int] = {}
        self._last_first: dict[str, tuple[int, str, int, int]] = {}
        #: per subscription: events that were passed over, and events counted lost
        self._gaps: Counter[tuple[str, int]] = Counter()
        self._lost: Counter[tuple[str, int]] = Counter()
        #: what clients sent acks for after they saw it
        self.may_be_acked: set[tuple[str, Event]] = set()
        #: what a client was told to be settled
        self._settled: set[tuple[str, Event]] = set()

    def bad(self, what: str) -> None:
        self.violations[what] += 1

    # -- commits

    def on_commit(self, path: str, old: Doc | None, new: Doc | None) -> None:
        if new is None:
            return
        if path.startswith("registry/"):
            self._recorded.add(recorded_topic(new))
        elif "/batches/" in path:
            self._on_batch(path, new)
        elif path.startswith("subscribers/") and old is not None:
            self._on_subscriber(path.partition("/")[2], State.read(old), State.read(new), new.updated)

    def _on_batch(self, path: str, doc: Doc) -> None:
        parts = path.split("/")
        log = (parts[1], int(parts[3]))
        if log[0] not in self._recorded and not self._documents[f"topics/{log[0]}"].data["dead_letter"]:
            self.bad("a batch before its topic's record")
        seq, batch = seq_of(path), Batch(doc)
        last = self._last_seq.get(log, 0)
        if seq <= last:
            return  # a stray below the trim point: no part of the log, and nobody may read it
        events = self.logs.setdefault(log, [])
        if seq != last + 1 or batch.first != len(events):
            self.bad("the log is not dense")
        self._last_seq[log] = seq
        hashes = bytes(doc.data["hashes"])  # type: ignore[arg-type]
        for at in range(0, len(hashes), 8):
            identity = hashes[at : at + 8]
            before = self._appended_at.get((log, identity))
            if before is not None and doc.created - before < self._once_us:
                self.bad("an event was appended twice")
            self._appended_at[(log, identity)] = doc.created
            events.append((identity, seq, doc.created))

    def _on_subscriber(self, name: str, old: State, new: State, now: int) -> None:
        topics = self.topics.setdefault(name, {})
        if {s.number for s in old.subscriptions.values()} != {s.number for s in new.subscriptions.values()}:
            self._last_first.pop(name, None)
        topics.update(new.topic_of())
        self._check_positions(name, old, new)
        for token in new.leases.keys() - old.leases.keys():
            self._check_lease(name, token, new)
            if new.leases[token].until > now + new.leases[token].ack_deadline_s * 1_000_000:
                self.bad("a lease is longer than its deadline")
        for due in new.due:
            if due.token in old.leases and due.token not in new.leases and old.leases[due.token].until > now:
                self.bad("a lease expired before its time")
        numbers = {topic: subscription.number for topic, subscription in new.subscriptions.items()}
        dead = {(numbers[one.topic], one.partition, one.index) for one in new.dead if one.topic in numbers}
        gone = _outstanding(old) - _outstanding(new) - dead
        for event in gone:
            topic = topics[event[0]]
            if event[0] not in new.topic_of():
                continue
            if (name, event) not in self.may_be_acked and not self._trimmed(topic, event):
                self.bad("an event left without an ack of somebody who saw it (LOST)")
        for topic, subscription in new.subscriptions.items():
            life = (name, subscription.number)
            self._lost[life] += max(0, new.lost.get(topic, 0) - old.lost.get(topic, 0))
            if self._lost[life] < self._gaps[life]:
                self.bad("lost events were not counted")

    def _check_positions(self, name: str, old: State, new: State) -> None:
        for topic, subscription in new.subscriptions.items():
            before = old.subscriptions.get(topic)
            same = before is not None and before.number == subscription.number
            for partition, position in enumerate(subscription.positions):
                where = (name, subscription.number, partition)
                if (
                    same and before is not None
                ):  # without positions the topic was met just now, and is read from its start
                    was = before.positions[partition] if before.positions else Position()
                    if (position.seq, position.offset) < (was.seq, was.offset):
                        self.bad("a position went back")
                elif position.index >= 0:
                    self._expected[where] = position.index
                else:  # behind a trim point: its first batch tells
                    events = self.logs.get((topic, partition), [])
                    self._expected[where] = sum(seq < position.seq for _, seq, _ in events)

    def _check_lease(self, name: str, token: str, new: State) -> None:
        lease = new.leases[token]
        events = _events(select(lease.spans, lease.left))  # what a filter left out is settled from the start
        if token in self._made:
            self.bad("a token made a second lease")
        self._made[token] = set(events)
        for event in events:
            number, partition, index = event
            topic = self.topics[name][number]
            before = self._handed.get((name, event), 0)
            self._handed[(name, event)] = lease.attempt
            if (name, event) in self._settled:
                self.bad("a settled event was handed out again")
            if lease.attempt != 1:
                if not 1 <= before <= lease.attempt <= before + 1:
                    self.bad("a wrong attempt number")
                continue
            log = self.logs.get((topic, partition), [])
            if index >= len(log):
                self.bad("an event was handed out that is not in the log")
                continue
            time = log[index][2]
            expected = self._expected.get((name, number, partition), 0)
            if index < expected:
                if before != 1:
                    self.bad("an event was new twice")
                continue  # given back with a release, which raises nothing
            for missed in range(expected, index):
                self._gaps[(name, number)] += 1
                if not self._trimmed(topic, (number, partition, missed)):
                    self.bad("an event was skipped")
            self._expected[(name, number, partition)] = index + 1
            order = (time, topic, partition, index)
            if order <= self._last_first.get(name, (0, "", 0, 0)):
                self.bad("first deliveries out of order")
            self._last_first[name] = order

    def _trimmed(self, topic: str, event: Event) -> bool:
        _, partition, index = event
        log = self._documents.get(log_path(topic, partition))
        trim = 0 if log is None else int(log.data["trim"] or 0)
        events = self.logs.get((topic, partition), [])
        return index < len(events) and events[index][1] <= trim

    # -- clients

    def published(self, log: Log, identities: list[bytes], places: list[tuple[int, int]]) -> None:
        """A publish was acknowledged."""
        if len(places) != len(identities):
            self.bad("a receipt is missing")
        for identity, (index, time) in zip(identities, places, strict=False):
            events = self.logs.get(log, [])
            if index >= len(events) or events[index][0] != identity or events[index][2] != time:
                self.bad("an acknowledged event is not in the log (LOST)")

    def received(self, token: str, events: list[Event]) -> None:
        """A client got events under its token."""
        if not set(events) <= self._made.get(token, set()):
            self.bad("another answer for the same token")

    def told_settled(self, name: str, events: set[Event], now: State) -> None:
        """A client was told that these events are settled."""
        if events & _outstanding(now):
            self.bad("told accepted, but it was not")
        self._settled |= {(name, event) for event in events}


def _events(spans: list[Span]) -> list[Event]:
    return [(span.number, span.partition, span.first + i) for span in spans for i in range(span.stop - span.start)]


def _outstanding(state: State) -> set[Event]:
    """The events that are leased or due."""
    out: set[Event] = set()
    for holder in [*state.leases.values(), *state.due]:
        out.update(_events(select(holder.spans, holder.left)))
    return out
