"""``get_events``: settle what the caller says, hand out what is due or new, under a lease.

Settlements and the new lease are one conditional update of the subscriber's document; a call with nothing to say and nothing
to get writes nothing. When the update's outcome is unknown, the document is read again and everything is judged anew: a
lease of the caller's token that is there already is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pubsubservice.core.keyed_lock import KeyedLock
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import Runtime, back_off
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.dead_letters import DeadLetters
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.redelivery import Redelivery, count_lost, read_again
from pubsubservice.delivery.slices import Slice
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Reads, Store
from pubsubservice.storage.replace import replace
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases, Settlements
from pubsubservice.subscribers.spans import Piece, mask_of_pieces, pieces
from pubsubservice.subscribers.state import State, unknown_subscriber
from pubsubservice.subscribers.tokens import check_not_ahead, make_token

__all__ = ["Delivery", "GetEvents", "GetEventsResponse"]

_MAX_TRIES = 14
#: how long one call goes on to publish dead letters before it answers, seconds
_PUBLISHING_S = 2.0
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
    #: what comes during the wait ends it without a lease: the caller may be gone, and its next request shows that it is not
    wake: bool = False


class GetEventsResponse(NamedTuple):
    """What a call got."""

    #: new and due events never mix: all of an answer are of one attempt
    slices: Sequence[Slice] = ()
    attempt: int = 1
    lease: str | None = None
    #: when the lease expires, µs
    until: int = 0
    more: bool = False
    #: topics of the slices that come in order: the client is to drop what is newer than what it gives back
    ordered: Sequence[str] = ()
    #: the token has made its lease, and that has ended: use another one
    over: bool = False
    #: why events are held back: "leases", "dead", "delayed" or "ordered"
    blocked: str | None = None
    #: (verb, token) of settlements that did not count
    unknown: Sequence[tuple[str, str]] = ()
    #: events lost to retention, per topic
    lost: Mapping[str, int] = MappingProxyType({})
    #: too many wait already: ask again a little later
    crowded: bool = False
    #: the wait ended because there is something: the caller's next request gets it
    woken: bool = False


class _Watch(NamedTuple):
    """What an empty-handed call may wait for."""

    paths: list[str]
    #: seconds until something is known to become due; None when nothing is
    due_s: float | None


class Delivery:
    """Hands out events in one process; any number of processes may serve one subscriber."""

    #: the rules, which the tests replace by broken ones, to show that they would be caught
    leases_type = Leases
    dead_lettering_type = DeadLettering
    redelivery_type = Redelivery

    def __init__(
        self, store: Store, runtime: Runtime, settings: Settings, reader: Reader, dead_letters: DeadLetters
    ) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._runtime = runtime
        self._reader = reader
        self._bounds = settings.bounds
        self._turns = KeyedLock(runtime)
        self._waiters = 0
        self._max_waiters = settings.threads // 2
        self._waiters_lock = runtime.new_lock()

    def get_events(self, request: GetEvents) -> GetEventsResponse:
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

    def _wait(self, request: GetEvents, answer: GetEventsResponse, watch: _Watch, until: float) -> GetEventsResponse:
        unknown = answer.unknown
        request = request._replace(settlements=Settlements())
        while not answer.slices and not answer.over and not answer.woken:
            left = until - self._runtime.monotonic()
            if left <= 0:
                break
            self._store.wait_for(watch.paths, left if watch.due_s is None else min(left, watch.due_s))
            with self._turns.of(request.subscriber):
                answer, watch = self._call(request, probe=request.wake)
        return answer._replace(unknown=unknown)

    def _call(self, request: GetEvents, *, probe: bool = False) -> tuple[GetEventsResponse, _Watch]:
        """Pass over the document; again, for a bounded time, while there is nothing but dead letters to publish.

        A probe leases nothing: when there is something to hand out, it writes nothing and says so.
        """
        until = self._runtime.monotonic() + _PUBLISHING_S
        answer, watch, letters = self._pass(request, probe)
        unknown = answer.unknown
        while letters and not answer.slices:
            if self._runtime.monotonic() >= until:
                # new events wait behind dead letters, or the call would end before these are out
                return answer._replace(blocked=None, more=True, unknown=unknown), watch._replace(due_s=0.0)
            answer, watch, letters = self._pass(request._replace(settlements=Settlements()), probe)
        return answer._replace(unknown=unknown), watch

    def _pass(self, request: GetEvents, probe: bool) -> tuple[GetEventsResponse, _Watch, bool]:  # noqa: FBT001
        """One pass, tried until its update is known to be in or not needed; and whether dead letters are left to publish."""
        path = subscriber_path(request.subscriber)
        for tries in range(_MAX_TRIES):
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None:
                raise unknown_subscriber(request.subscriber)
            check_owner("subscriber", request.subscriber, doc.data.get("owner"))
            state = State.read(doc)
            # made by another try of this request, whose caller may listen to either
            made = request.lease in state.leases
            # one event is enough for a probe to see
            judged = request._replace(max_events=1) if probe and not made else request
            answer, watch = self._judge(judged, state, self._now(reads))
            if probe and not made and (answer.slices or answer.over):
                return GetEventsResponse(more=True, woken=True, lost=answer.lost), watch, False
            if replace(self._store, doc, state.fields()):
                published = self._dead_letters.publish(state) if state.dead else 0
                return answer, watch, 0 < published < len(state.dead)
            back_off(self._runtime, tries)
        raise Unavailable(
            "contended",
            f"The subscriber {request.subscriber!r} was changed by too many at once; send the same request again.",
        )

    def _now(self, reads: Reads) -> int:
        """The time that leases are judged by: the store's, never a process's."""
        return reads.time

    def _judge(self, request: GetEvents, state: State, now: int) -> tuple[GetEventsResponse, _Watch]:
        """Apply the rules to a state as it was at `now`, the store's time."""
        for _, settlement in request.settlements.each():
            if settlement.lease not in state.leases:  # one that is open counts, though the store's clock was set back
                check_not_ahead(settlement.lease, now)
        leases = self.leases_type(state, now, self._bounds)
        dead_lettering = self.dead_lettering_type(leases)
        leases.expire()
        unknown = leases.settle(request.settlements)
        dead_lettering.collect()
        watch = _Watch([], None)
        answer = GetEventsResponse()
        if request.max_events:
            token = request.lease or make_token(now, self._runtime.random())
            check_not_ahead(token, now)
            if token in state.leases:
                answer = self._answer_again(leases, token)
            elif leases.used(token):
                answer = GetEventsResponse(lease=token, over=True)
            else:
                answer, paths = self._hand_out(leases, dead_lettering, token, request.max_events)
                watch = _Watch(paths, _due_s(state, now, answer.blocked))
        ordered = [t for t in {s.topic for s in answer.slices} if state.settings_of(state.subscriptions[t]).ordered]
        return answer._replace(unknown=unknown, lost=state.lost, ordered=ordered), watch

    def _answer_again(self, leases: Leases, token: str) -> GetEventsResponse:
        """An open lease, less what is settled; what retention took meanwhile leaves it as lost."""
        lease = leases.state.leases[token]
        slices, lost = read_again(self._reader, leases.state, pieces(lease.spans, lease.left))
        if lost:
            self._lose(leases, token, lost)
        return GetEventsResponse(slices, lease.attempt, token, lease.until, more=True)

    def _lose(self, leases: Leases, token: str, lost: Sequence[Piece]) -> None:
        """Events of an open lease cannot be read any more: its client would settle what it never saw."""
        lease = leases.state.leases[token]
        lease.recall(mask_of_pieces(lease.spans, lost))
        count_lost(leases.state, lost)
        leases.close_if_empty(token)

    def _hand_out(
        self, leases: Leases, dead_lettering: DeadLettering, token: str, max_events: int
    ) -> tuple[GetEventsResponse, list[str]]:
        """A new lease: of what is due if anything is, else of new events; and the documents to watch for more."""
        full = "leases" if len(leases.state.leases) >= self._bounds.leases else "dead" if dead_lettering.full else None
        if full:
            return GetEventsResponse(blocked=full), []
        due = self.redelivery_type(self._reader, leases, dead_lettering)
        due.take(max_events)
        paths: list[str] = []
        if due.slices:
            answer = GetEventsResponse(due.slices, due.attempt, more=True)
        else:
            answer, paths = self._hand_out_new(leases, due.leased | due.waiting(), max_events)
        if answer.slices:
            until = leases.open(
                token,
                [(one.topic, one.piece) for one in answer.slices],
                answer.attempt,
                failed_as_group=due.failed_as_group,
            )
            answer = answer._replace(lease=token, until=until)
        return answer, paths

    def _hand_out_new(self, leases: Leases, held: set[int], max_events: int) -> tuple[GetEventsResponse, list[str]]:
        """New events, of the topics that may go on."""
        room = self._room(leases)
        if room <= 0:
            return GetEventsResponse(blocked="leases"), []
        reading = self._reader.new_events(leases.state, min(max_events, room), leases.now, held)
        blocked = reading.blocked or ("ordered" if held else None)
        return GetEventsResponse(reading.slices, more=reading.more, blocked=blocked), reading.next_paths

    def _room(self, leases: Leases) -> int:
        """New events that a document may take."""
        return (self._bounds.state_bytes - leases.state.size) // 16 - leases.state.unsettled(leases.now)


def _due_s(state: State, now: int, blocked: str | None) -> float | None:
    """Seconds until something is known to change by itself; None when nothing is."""
    times = [due.at for due in state.due] + [lease.until for lease in state.leases.values()]
    ahead = [time - now for time in times if time > now]
    if blocked in {"ordered", "dead"}:
        # another consumer's settlement is nowhere to be watched, nor is a store that refused a dead letter
        ahead.append(_SECOND)
    return min(ahead) / _SECOND if ahead else None
