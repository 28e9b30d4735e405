"""``get_events``: carries out settlements, and hands out due or new events under a lease.

The settlements and the new lease are one conditional update of the subscriber's document. A call that changes nothing in the
document writes nothing. If the outcome of the update is unknown, the document is read again and the rules are applied
anew; if it then has a lease of the caller's token, the response is that lease.

A process that wrote the document within the last second, or read it for the probe of a wait, does not read it again. What it
judges from memory counts if its update is stored, which proves that the document was the newest. Otherwise it reads the
document and judges again.
"""

from __future__ import annotations

from collections.abc import Sequence

from pubsubservice.core.keyed_lock import KeyedLock
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.problems import Problem, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.core.settings import Settings
from pubsubservice.delivery.dead_letters import DeadLetters
from pubsubservice.delivery.look_ups import Missing
from pubsubservice.delivery.memory import Memory, Remembered
from pubsubservice.delivery.reader import Reader
from pubsubservice.delivery.redelivery import Redelivery, count_lost, read_again
from pubsubservice.delivery.request import GetEvents, GetEventsResponse, Watch
from pubsubservice.delivery.waiters import Waiters
from pubsubservice.storage.optimistic import attempts, replace
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Doc, Reads, Store
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases, Settlements
from pubsubservice.subscribers.spans import Piece, mask_of_pieces, pieces
from pubsubservice.subscribers.state import State, unknown_subscriber
from pubsubservice.subscribers.tokens import check_not_ahead, make_token

__all__ = ["Delivery"]

#: how long one call may publish dead letters before it responds, seconds
_MAX_PUBLISHING_S = 2.0
_SECOND = 1_000_000


class Delivery:
    """Serves get_events in one process; any number of processes may serve the same subscriber."""

    #: the rules; the tests replace them by broken ones, to show that the simulation finds the fault
    leases_type = Leases
    dead_lettering_type = DeadLettering
    redelivery_type = Redelivery

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        settings: Settings,
        reader: Reader,
        dead_letters: DeadLetters,
        waiters: Waiters,
    ) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._waiters = waiters
        self._runtime = runtime
        self._reader = reader
        self._bounds = settings.bounds
        self._locks = KeyedLock(runtime)
        self._memory = Memory(runtime)

    def get_events(self, request: GetEvents) -> GetEventsResponse:
        """Carry out settlements and hand out events. Raises NotFound, Forbidden, BadRequest, Unavailable, StoreError."""
        until = self._runtime.monotonic() + request.wait_s
        with self._locks.hold(request.subscriber):
            response, watch = self._call(request)
        if response.slices or response.over or not request.max_events or not request.wait_s:
            return response
        with self._waiters.enter() as admitted:
            return self._wait(request, response, watch, until) if admitted else response._replace(crowded=True)

    def _wait(self, request: GetEvents, response: GetEventsResponse, watch: Watch, until: float) -> GetEventsResponse:
        unknown = response.unknown
        request = request._replace(settlements=Settlements())
        while not response.slices and not response.over and not response.woken:
            left = until - self._runtime.monotonic()
            if left <= 0:
                break
            # What a pass has left for another one, because a pass has its bounds, is there already: nothing would tell of it.
            if response.blocked or not response.more:
                due_s = left if watch.due_s is None else min(left, watch.due_s)
                told = self._store.wait_for(watch.paths, due_s)
                # If nothing came and nothing became due, the response is still right. But no document tells that events are
                # no longer blocked.
                if not told and due_s == left and not response.blocked:
                    break
            with self._locks.hold(request.subscriber):
                response, watch = self._call(request, probe=request.wake)
        return response._replace(unknown=unknown)

    def _call(self, request: GetEvents, *, probe: bool = False) -> tuple[GetEventsResponse, Watch]:
        """Make passes over the document until it has events or no dead letters are left to publish, for a bounded time.

        A probe opens no lease: if there are events to hand out, it writes nothing and sets `woken`.
        """
        until = self._runtime.monotonic() + _MAX_PUBLISHING_S
        missing = Missing()
        # a probe writes nothing, so it has to read
        passed = None if probe else self._pass_from_memory(request, missing)
        response, watch, letters = passed or self._pass(request, Missing(missing.seen), probe=probe)
        unknown = response.unknown
        while letters and not response.slices:
            if self._runtime.monotonic() >= until:
                # new events may wait until dead letters are published: respond now, so that the client calls again
                return response._replace(blocked=None, more=True, unknown=unknown), watch
            response, watch, letters = self._pass(request._replace(settlements=Settlements()), Missing(), probe=probe)
        return response._replace(unknown=unknown), watch

    def _pass(self, request: GetEvents, missing: Missing, *, probe: bool) -> tuple[GetEventsResponse, Watch, bool]:
        """Make one pass, retried until its update is stored or not needed; also returns whether dead letters are left."""
        path = subscriber_path(request.subscriber)
        for _ in attempts(self._runtime):
            asked = self._runtime.monotonic()
            reads = self._store.get_many([path])
            doc = reads.docs[0]
            if doc is None:
                raise unknown_subscriber(request.subscriber)
            state, now = self._state(request, doc), self._now(reads)
            # opened by another try of this request; the caller may receive the response to either try
            made = request.lease in state.leases
            response, watch = self._judge(request, state, now, missing)
            if probe and not made and (response.slices or response.over):
                self._memory.put(request.subscriber, Remembered(doc, now, asked, missing.seen))
                return GetEventsResponse(more=True, woken=True, lost=response.lost), watch, False
            asked = self._runtime.monotonic()
            stored = replace(self._store, doc, state.fields())
            if stored is not None:
                self._remember(state, doc, stored, asked)
                return response, watch, self._publish_dead(state)
            missing = Missing()
        raise Unavailable(
            "contended",
            f"The subscriber {request.subscriber!r} was changed by too many at once; send the same request again.",
        )

    def _pass_from_memory(self, request: GetEvents, missing: Missing) -> tuple[GetEventsResponse, Watch, bool] | None:
        """Make a pass over the document that this process remembers; None if there is none, or if the pass does not count.

        Args:
            missing: what the pass finds missing is added, for the pass that reads
        """
        found = self._memory.take(request.subscriber)
        if found is None:
            return None
        remembered, lag_us = found
        if remembered.missing:
            missing = Missing(remembered.missing)  # older than this request: not for another pass
        try:
            state = self._state(request, remembered.doc)
            response, watch = self._judge(request, state, remembered.time, missing, lag_us)
        except Problem as problem:
            self._refused(problem)
            return None
        if self._needs_read(state):
            return None
        asked = self._runtime.monotonic()
        stored = replace(self._store, remembered.doc, state.fields())
        if stored is None:
            self._memory.conflicted(request.subscriber)
            return None
        self._remember(state, remembered.doc, stored, asked)
        return (response, watch, self._publish_dead(state)) if self._proves(remembered.doc, stored) else None

    def _refused(self, problem: Problem) -> None:
        """Let a refusal from memory pass: the document may say otherwise by now."""

    def _needs_read(self, state: State) -> bool:
        """Whether a state has dead letters to publish, which changes the document: that begins with a read."""
        return bool(state.dead)

    def _proves(self, remembered: Doc, stored: Doc) -> bool:
        """Whether an update was stored, so that the remembered document was the newest until then."""
        return stored is not remembered

    def _state(self, request: GetEvents, doc: Doc) -> State:
        """Return the state of a document that the caller may use. Raises Forbidden, Unavailable."""
        check_owner("subscriber", request.subscriber, doc.data.get("owner"))
        return State.read(doc)

    def _remember(self, state: State, before: Doc, stored: Doc, asked: float) -> None:
        """Remember the document that was stored in place of `before`, if an update was needed."""
        if stored is not before and not self._needs_read(state):
            self._memory.put(state.name, Remembered(stored, stored.updated, asked))

    def _publish_dead(self, state: State) -> bool:
        """Publish dead letters; returns whether others are left."""
        published = self._dead_letters.publish(state) if state.dead else 0
        return 0 < published < len(state.dead)

    def _now(self, reads: Reads) -> int:
        """The time by which leases expire: the store's, never a process's, µs."""
        return reads.time

    def _judge(
        self, request: GetEvents, state: State, now: int, missing: Missing, lag_us: int = 0
    ) -> tuple[GetEventsResponse, Watch]:
        """Apply the rules to a state.

        Args:
            now: the store time at which the state was so, µs
            missing: what an earlier pass found missing, and what this one does
            lag_us: how much later it is by now, at least
        """
        for _, settlement in request.settlements.each():
            # an open lease is settled even after the store's clock was set back
            if settlement.lease not in state.leases:
                check_not_ahead(settlement.lease, now)
        leases = self.leases_type(state, now, self._bounds, lag_us)
        dead_lettering = self.dead_lettering_type(leases)
        leases.expire()
        unknown = leases.settle(request.settlements)
        dead_lettering.collect()
        watch = Watch([], None)
        response = GetEventsResponse()
        if request.max_events:
            token = request.lease or make_token(max(now, state.created), self._runtime.random())
            check_not_ahead(token, now)
            if token in state.leases:
                response = self._resend(leases, token)
            elif leases.used(token):
                response = GetEventsResponse(lease=token, over=True)
            else:
                response, paths = self._hand_out(leases, dead_lettering, token, request.max_events, missing)
                watch = Watch(paths, _due_s(state, now, lag_us, response.blocked))
        ordered = [t for t in {s.topic for s in response.slices} if state.settings_of(state.subscriptions[t]).ordered]
        return response._replace(unknown=unknown, lost=state.lost, ordered=ordered), watch

    def _resend(self, leases: Leases, token: str) -> GetEventsResponse:
        """Return the unsettled events of an open lease again; those that retention deleted meanwhile are lost."""
        lease = leases.state.leases[token]
        slices, lost = read_again(self._reader, leases.state, pieces(lease.spans, lease.left))
        if lost:
            self._lose(leases, token, lost)
        return GetEventsResponse(slices, lease.attempt, token, lease.until, more=True)

    def _lose(self, leases: Leases, token: str, lost: Sequence[Piece]) -> None:
        """Remove trimmed events from an open lease: otherwise its client would settle events that it never received."""
        lease = leases.state.leases[token]
        lease.recall(mask_of_pieces(lease.spans, lost))
        count_lost(leases.state, lost)
        leases.close_if_empty(token)

    def _hand_out(
        self, leases: Leases, dead_lettering: DeadLettering, token: str, max_events: int, missing: Missing
    ) -> tuple[GetEventsResponse, list[str]]:
        """Open a lease of due events if there are any, else of new events; also returns the documents to watch for more."""
        full = "leases" if len(leases.state.leases) >= self._bounds.leases else "dead" if dead_lettering.full else None
        if full:
            return GetEventsResponse(blocked=full), []
        due = self.redelivery_type(self._reader, leases, dead_lettering)
        due.take(max_events)
        paths: list[str] = []
        if due.slices:
            response = GetEventsResponse(due.slices, due.attempt, more=True)
        else:
            response, paths = self._hand_out_new(leases, due.leased | due.waiting(), max_events, missing)
        if response.slices:
            until = leases.open(
                token,
                [(slice_.topic, slice_.piece) for slice_ in response.slices],
                response.attempt,
                failed_as_group=due.failed_as_group,
            )
            response = response._replace(lease=token, until=until)
        return response, paths

    def _hand_out_new(
        self, leases: Leases, held: set[int], max_events: int, missing: Missing
    ) -> tuple[GetEventsResponse, list[str]]:
        """Read new events, except those of the subscriptions in `held`."""
        room = self._room(leases)
        if room <= 0:
            return GetEventsResponse(blocked="leases"), []
        reading = self._reader.new_events(leases.state, min(max_events, room), leases.now, held, missing)
        blocked = reading.blocked or ("ordered" if held else None)
        return GetEventsResponse(reading.slices, more=reading.more, blocked=blocked), reading.next_paths

    def _room(self, leases: Leases) -> int:
        """Return how many new events the document has room for."""
        return (self._bounds.state_bytes - leases.state.size) // 16 - leases.state.unsettled(leases.now)


def _due_s(state: State, now: int, lag_us: int, blocked: str | None) -> float | None:
    """Return the seconds until an event becomes due or a lease expires; None without either."""
    times = [due.at for due in state.due] + [lease.until for lease in state.leases.values()]
    ahead = [max(0, time - now - lag_us) for time in times if time > now]
    if blocked in {"ordered", "dead"}:
        # no document tells of another consumer's settlement, or that a refused dead letter would be accepted: look again soon
        ahead.append(_SECOND)
    return min(ahead) / _SECOND if ahead else None
