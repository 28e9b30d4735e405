"""How a client talks to the service: each call over its retries, with what it says and what it is told put on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pubsubservice.core.problems import Problem
from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.delivery.slices import Slice
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.subscribers.leases import Settlement, Settlements
from pubsubservice.subscribers.spans import positions
from pubsubservice.subscribers.state import State
from pubsubservice.subscribers.tokens import is_of_earlier_life

from .said import Event
from .scheduler import SECOND

if TYPE_CHECKING:
    from .world import World

__all__ = ["Talk", "events_of"]


class Talk:
    """What one client of a subscriber's name says and hears."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.name = name
        #: by token and event: how requests name an event
        self._names: dict[tuple[str, Event], tuple[str, str]] = {}
        #: what it got under a token; what it gave back itself
        self.seen: dict[str, set[Event]] = {}
        self._given: set[tuple[str, Event]] = set()

    def call(self, request: GetEvents, patience: int = 99) -> GetEventsResponse | None:
        """One call; None when the client gave up."""
        done = self.ask(request, patience, refusals=("unknown_subscriber",) if self._world.mix.removes else ())
        return None if done is None or isinstance(done[0], Problem) else done[0]

    def ask(
        self,
        request: GetEvents,
        patience: int = 99,
        give_up: Callable[[], bool] = lambda: False,
        refusals: tuple[str, ...] = (),
        wait_s: float = 0.0,
    ) -> tuple[GetEventsResponse | Problem, int] | None:
        """The same, with the store time of the answer, which may be one of these refusals."""
        self._says(request)
        call = object()
        before = self._world.state(self.name)
        asked = self._world.store.now()
        settlements = request.settlements
        done = self._world.call(
            lambda service: service.delivery.get_events(request), patience, give_up, call, settlements, refusals, wait_s
        )
        if done is None or isinstance(done[0], Problem):
            return done
        answer: GetEventsResponse = done[0]
        self._told(settlements, answer, call)
        if answer.blocked == "delayed" and not answer.slices and not answer.more:
            self._check_others_go_on(before, asked)
        return done

    def got(self, token: str, answer: GetEventsResponse) -> list[Event]:
        """Its events were received."""
        events = events_of(answer)
        for slice_ in answer.slices:
            prefix = sequence_prefix(slice_.span.partition)
            for event in _events_in(slice_):
                self._names[(token, event)] = slice_.topic, f"{prefix}{event[2]:020d}"
        self._world.truth.said.received(self.name, token, events)
        self.seen.setdefault(token, set()).update(events)
        return events

    def named(self, token: str, events: list[Event]) -> Settlement:
        """A settlement of some events."""
        return Settlement(token, [self.name_of(token, event) for event in events])

    def name_of(self, token: str, event: Event) -> tuple[str, str]:
        """An event of a lease as requests name it."""
        return self._names[(token, event)]

    def covered(self, settlement: Settlement) -> set[Event]:
        """What a settlement is about, of what was received."""
        seen = self.seen.get(settlement.lease, set())
        if settlement.events is None:
            return seen
        named = set(settlement.events)
        return {event for event in seen if self.name_of(settlement.lease, event) in named}

    def _says(self, request: GetEvents) -> None:
        said = self._world.truth.said
        if request.wake and request.lease is not None:
            said.asks_to_be_woken(request.lease)
        for verb, settlement in request.settlements.each():
            covered = self.covered(settlement)
            if verb == "ack":
                said.acks(settlement.lease, covered)
            elif verb in {"nack", "release"}:
                self._given |= {(settlement.lease, event) for event in covered}
                if verb == "release" or settlement.events is not None:
                    said.gives_back(settlement.lease, covered if settlement.dead else ())
                if verb == "release" and settlement.delay_s:
                    earliest = self._world.store.now() - SECOND  # what is read is up to a second old
                    said.postpones(settlement.lease, covered, earliest + round(settlement.delay_s * SECOND))

    def _told(self, settlements: Settlements, answer: GetEventsResponse, call: object) -> None:
        unknown = set(answer.unknown)
        said = self._world.truth.said
        state = self._world.state(self.name)
        for settlement in settlements.ack:
            if ("ack", settlement.lease) in unknown:
                said.told_unknown(call, settlement.lease, state, self.covered(settlement))
                continue
            book = self._world.truth.books.get(self.name)
            if book is None or is_of_earlier_life(settlement.lease, state.created):  # it was removed meanwhile
                continue
            covered = self.covered(settlement)
            settled = {event for event in covered if (settlement.lease, event) not in self._given}
            said.told_settled(book.outstanding(state), settled)
        for settlement in settlements.release:
            if settlement.events is None:
                said.released(settlement.lease)

    def _check_others_go_on(self, before: State, asked: int) -> None:
        """A log stopped, for want of room for its delayed events: no other one may hold back what was there before."""
        world = self._world
        state = world.state(self.name)
        if state.changed != before.changed or world.mix.patterns:
            return
        for topic, subscription in state.subscriptions.items():
            if state.settings_of(subscription).ordered:
                continue
            for partition, position in enumerate(subscription.positions):
                unread = world.truth.logs.events.get((topic, partition), [])[position.index :]
                delayed = any(one.visible > one.created for one in unread)
                if unread and not delayed and unread[0].created < asked:
                    world.truth.bad("a log was held back by another one's delayed events")


def events_of(answer: GetEventsResponse) -> list[Event]:
    """The events of an answer."""
    return [event for slice_ in answer.slices for event in _events_in(slice_)]


def _events_in(slice_: Slice) -> list[Event]:
    span = slice_.span
    return [(span.number, span.partition, span.first + i) for i in positions(slice_.picked)]
