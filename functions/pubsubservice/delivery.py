"""``get_events``: settle what the caller says, hand out what is due or new, under a lease.

Settlements and the new lease are one conditional update of the subscriber's document; a call with nothing to say and nothing
to get writes nothing. When the update's outcome is unknown, the document is read again and everything is judged anew: a
lease of the caller's token that is there already is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pubsubservice.leases import Settlements, close_if_empty, expire, settle, take_due
from pubsubservice.names import subscriber_path
from pubsubservice.ownership import check_owner
from pubsubservice.problems import Unavailable
from pubsubservice.reader import MAX_READS, Reader
from pubsubservice.runtime import Runtime, back_off
from pubsubservice.settings import Settings
from pubsubservice.spans import Span, first_of, mask_of_spans, pack, select
from pubsubservice.state import MAX_LEASES, MAX_STATE_BYTES, State, unknown_subscriber
from pubsubservice.store import Changed, Doc, Reads, Refused, Store, Unknown
from pubsubservice.subscriber import Lease
from pubsubservice.tap import ADDED_BYTES, MAX_ANSWER_BYTES, Slice
from pubsubservice.tokens import check_not_ahead, make_token
from pubsubservice.turns import Turns

__all__ = ["Answer", "Delivery", "GetEvents"]

_MAX_TRIES = 14
_SECOND = 1_000_000


class GetEvents(NamedTuple):
    """A checked request for events."""

    subscriber: str
    settlements: Settlements = Settlements()
    #: the caller's token for the new lease; the service makes one when None
    lease: str | None = None
    #: 0 only settles
    max_events: int = 1_000
    wait_s: float = 0.0


class Answer(NamedTuple):
    """What a call got."""

    #: new and due events never mix: all of an answer are of one attempt
    slices: Sequence[Slice] = ()
    attempt: int = 1
    lease: str | None = None
    #: when the lease expires, µs
    until: int = 0
    more: bool = False
    #: the token has made its lease, and that has ended: use another one
    over: bool = False
    #: why new events are held back: "leases"
    blocked: str | None = None
    #: (verb, token) of settlements that did not count
    unknown: Sequence[tuple[str, str]] = ()
    #: events lost to retention, per topic
    lost: Mapping[str, int] = MappingProxyType({})
    #: too many wait already: ask again a little later
    crowded: bool = False


class _Watch(NamedTuple):
    """What an empty-handed call may wait for."""

    paths: list[str]
    #: seconds until something is known to become due; None when nothing is
    due_s: float | None


class Delivery:
    """Hands out events in one process; any number of processes may serve one subscriber."""

    def __init__(self, store: Store, runtime: Runtime, settings: Settings, reader: Reader) -> None:
        self._store = store
        self._runtime = runtime
        self._reader = reader
        self._turns = Turns(runtime)
        self._waiters = 0
        self._max_waiters = settings.threads // 2
        self._waiters_lock = runtime.new_lock()

    def get_events(self, request: GetEvents) -> Answer:
        """Settle, and hand out events; raises NotFound, BadRequest, Unavailable, StoreError."""
        until = self._runtime.monotonic() + request.wait_s
        with self._turns.of(request.subscriber):
            answer, watch = self._call(request)
        if answer.slices or answer.over or not request.max_events or not request.wait_s:
            return answer
        with self._waiters_lock:
            if self._waiters >= self._max_waiters:
                return answer._replace(crowded=True)
            self._waiters += 1
        try:
            return self._wait(request, answer, watch, until)
        finally:
            with self._waiters_lock:
                self._waiters -= 1

    def _wait(self, request: GetEvents, answer: Answer, watch: _Watch, until: float) -> Answer:
        unknown = answer.unknown
        request = request._replace(settlements=Settlements())
        while not answer.slices and not answer.over:
            left = until - self._runtime.monotonic()
            if left <= 0:
                break
            self._store.wait_for(watch.paths, left if watch.due_s is None else min(left, watch.due_s))
            with self._turns.of(request.subscriber):
                answer, watch = self._call(request)
        return answer._replace(unknown=unknown)

    def _call(self, request: GetEvents) -> tuple[Answer, _Watch]:
        """One pass over the document, tried until its update is known to be in or not needed."""
        path = subscriber_path(request.subscriber)
        for tries in range(_MAX_TRIES):
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None:
                raise unknown_subscriber(request.subscriber)
            check_owner("subscriber", request.subscriber, doc.data.get("owner"))
            state = State.read(doc)
            answer, watch = self._judge(request, state, self._now(reads))
            if self._written(path, state, doc):
                return answer, watch
            back_off(self._runtime, tries)
        raise Unavailable(
            "contended",
            f"The subscriber {request.subscriber!r} was changed by too many at once; send the same request again.",
        )

    def _now(self, reads: Reads) -> int:
        """The time that leases are judged by: the store's, never a process's."""
        return reads.time

    def _used(self, state: State, token: str) -> bool:
        """Whether a token has made its lease already."""
        return state.ended.used(token)

    def _written(self, path: str, state: State, doc: Doc) -> bool:
        """Whether the state is in the store now; if not, or not surely, it is to be read again."""
        if not state.differs_from(doc):
            return True
        try:
            self._store.update(path, {**doc.data, **state.fields()}, doc.updated)
        except (Changed, Unknown):
            return False
        except Refused as e:
            if not e.busy:
                raise
            return False
        return True

    def _judge(self, request: GetEvents, state: State, read_time: int) -> tuple[Answer, _Watch]:
        """Apply the rules to a state as it was at `read_time`."""
        for _, settlement in request.settlements.each():
            check_not_ahead(settlement.lease, read_time)
        expire(state, read_time)
        unknown = settle(state, request.settlements, read_time)
        watch = _Watch([], None)
        answer = Answer()
        if request.max_events:
            token = request.lease or make_token(read_time, self._runtime.random())
            check_not_ahead(token, read_time)
            if token in state.leases:
                answer = self._answer_again(state, token)
            elif self._used(state, token):
                answer = Answer(lease=token, over=True)
            else:
                answer, watch = self._hand_out(state, token, request.max_events, read_time)
        return answer._replace(unknown=unknown, lost=state.lost), watch

    def _answer_again(self, state: State, token: str) -> Answer:
        """An open lease, less what is settled; what retention took meanwhile leaves it as lost."""
        lease = state.leases[token]
        slices, lost = self._slices(state, select(lease.spans, lease.left))
        if lost:
            lease.leave(mask_of_spans(lease.spans, lost))
            _count_lost(state, lost)
            close_if_empty(state, token)
        return Answer(slices, lease.attempt, token, lease.until, more=True)

    def _hand_out(self, state: State, token: str, max_events: int, read_time: int) -> tuple[Answer, _Watch]:
        """A new lease: of what is due if anything is, else of new events."""
        if len(state.leases) >= MAX_LEASES:
            return Answer(blocked="leases"), self._watch([], state, read_time)
        slices, attempt = self._take_due(state, max_events, read_time)
        more, blocked = True, None
        paths: list[str] = []
        if not slices:
            attempt = 1
            room = (MAX_STATE_BYTES - state.size) // 16 - state.unsettled
            if room > 0:
                slices, more, paths = self._reader.new_events(state, min(max_events, room))
            else:
                blocked, more = "leases", False
        if not slices:
            return Answer(more=more, blocked=blocked), self._watch(paths, state, read_time)
        deadline_s = min(state.subscriptions[slice_.topic].ack_deadline_s for slice_ in slices)
        spans = [slice_.span for slice_ in slices]
        count = sum(len(slice_.lines) for slice_ in slices)
        until = read_time + deadline_s * _SECOND
        state.leases[token] = Lease(until, attempt, deadline_s, count, pack(spans))
        return Answer(slices, attempt, token, until, more), self._watch(paths, state, read_time)

    def _take_due(self, state: State, max_events: int, read_time: int) -> tuple[list[Slice], int]:
        """Take the oldest due events, all of one attempt; those that retention took are counted lost."""
        ready = sorted((due for due in state.due if due.at <= read_time), key=lambda due: due.at)
        slices: list[Slice] = []
        attempt, room = 0, MAX_ANSWER_BYTES
        for due in ready:
            if attempt not in (0, due.attempt) or max_events <= 0 or len(slices) >= MAX_READS:
                break
            chosen = first_of(select(due.spans, due.left), max_events, MAX_READS - len(slices))
            found, lost = self._slices(state, chosen, room)
            take_due(state, due, mask_of_spans(due.spans, [slice_.span for slice_ in found] + lost))
            _count_lost(state, lost)
            slices += found
            taken = sum(len(slice_.lines) for slice_ in found)
            max_events -= taken
            room -= sum(len(line) + ADDED_BYTES for slice_ in found for line in slice_.lines)
            if found:
                attempt = due.attempt
            if taken + sum(span.stop - span.start for span in lost) < sum(span.stop - span.start for span in chosen):
                break
        state.drop_empty()
        return slices, attempt

    def _slices(self, state: State, spans: list[Span], room: int | None = None) -> tuple[list[Slice], list[Span]]:
        """Read events that were handed out before, up to `room` bytes; and those that are gone."""
        topics = state.topic_of()
        places = [(topics[span.number], span.partition, span.seq) for span in spans]
        batches = self._reader.fetch(dict.fromkeys(places))
        slices: list[Slice] = []
        lost: list[Span] = []
        for span, place in zip(spans, places, strict=True):
            batch = batches.get(place)
            if batch is None:
                lost.append(span)
                continue
            lines = batch.lines()[span.start : span.stop]
            if room is not None:
                lines = _fitting(lines, room, whatever=not slices)
                room -= sum(map(len, lines)) + ADDED_BYTES * len(lines)
            if lines:
                slices.append(Slice(place[0], span._replace(stop=span.start + len(lines)), batch, lines))
            if len(lines) < span.stop - span.start:
                break
        return slices, lost

    def _watch(self, paths: list[str], state: State, read_time: int) -> _Watch:
        times = [due.at for due in state.due] + [lease.until for lease in state.leases.values()]
        ahead = [time - read_time for time in times if time > read_time]
        return _Watch(paths, min(ahead) / _SECOND if ahead else None)


def _fitting(lines: list[bytes], room: int, *, whatever: bool) -> list[bytes]:
    size = 0
    for fit, line in enumerate(lines):
        size += len(line) + ADDED_BYTES
        if size > room and (fit or not whatever):
            return lines[:fit]
    return lines


def _count_lost(state: State, lost: Sequence[Span]) -> None:
    topics = state.topic_of()
    for span in lost:
        state.count_lost(topics[span.number], span.stop - span.start)
