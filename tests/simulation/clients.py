"""The consumers of a seed: they settle with their next call, mostly, as the SDK does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsubservice.core.names import sequence_prefix
from pubsubservice.delivery.get_events import Answer, GetEvents
from pubsubservice.subscribers.leases import Settlement, Settlements
from pubsubservice.subscribers.spans import positions
from pubsubservice.subscribers.state import State

from .publishing import Kind, entry, publish
from .said import Event
from .scheduler import SECOND
from .times import DEADLINE_S

if TYPE_CHECKING:
    from .world import World

__all__ = ["Consumer", "Redriver"]


class Consumer:
    """One consumer of a subscriber's name."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        #: what it got under a token; what it gave back itself
        self._seen: dict[str, set[Event]] = {}
        self._given: set[tuple[str, Event]] = set()

    def run(self) -> None:
        world = self._world
        settlements = Settlements()
        while True:
            token = world.mint()
            wake = world.random.random() < 0.5
            request = GetEvents(
                self._name,
                settlements,
                token,
                world.random.choice((1, 3, 50)),
                world.random.choice((0.0, 0.0, 4.0)),
                wake,
            )
            if wake:
                world.truth.said.asks_to_be_woken(token)
            quits = not world.gentle and world.chance(0.08)
            done = self._call(request, patience=1 if quits else 99)
            if done is None and wake and world.chance(0.5):  # killed while it waited: nobody releases anything
                settlements = Settlements()
                world.pause(0, 4)
                continue
            if done is None:  # shut down in the middle of a fetch: release what may be there
                if self._call(GetEvents(self._name, Settlements(release=[Settlement(token)]), max_events=0)):
                    world.truth.said.released(token)
                settlements = Settlements()
                continue
            settlements = Settlements()
            events = _events_of(done)
            if not events:
                if not done.woken:
                    world.pause(0, 4)
                continue
            world.truth.said.received(self._name, token, events)
            self._seen.setdefault(token, set()).update(events)
            world.pause(0, 2)
            settlements = self._decide(token, events, done)

    def _decide(self, token: str, events: list[Event], answer: Answer) -> Settlements:
        """What a consumer does with its events: most are acked with the next call."""
        world = self._world
        everything = [Settlement(token)]
        if world.scheduler.time < world.restarts_until and world.chance(0.7):
            return Settlements(release=everything)
        if any(b'"poison"' in line for slice_ in answer.slices for line in slice_.lines):
            return Settlements(nack=everything) if world.random.random() < 0.5 else Settlements()
        if world.gentle or world.calm:
            return Settlements(ack=everything)
        return self._decide_badly(token, events, answer)

    def _decide_badly(self, token: str, events: list[Event], answer: Answer) -> Settlements:
        world = self._world
        choice = world.random.random()
        some = [event for event in events if world.random.random() < 0.5]
        rest = [event for event in events if event not in some]
        everything = [Settlement(token)]
        if choice < 0.45:
            return Settlements(ack=everything)
        if choice < 0.52:
            return Settlements()  # forgotten: it expires
        if choice < 0.6:
            self._settle(Settlements(ack=[self._named(token, some)]))
            return Settlements(ack=everything)
        if choice < 0.68:
            named = self._named(token, some).events
            nack = Settlement(token, named, world.random.choice((None, 0, 3)), dead=world.random.random() < 0.1)
            return Settlements(ack=[self._named(token, rest)], nack=[nack])
        if choice < 0.73:
            self._settle(Settlements(nack=[self._named(token, events[:1])]))
            return Settlements(ack=[self._named(token, events[1:])])
        if choice < 0.78:
            return Settlements(nack=everything)
        if choice < 0.83:
            return Settlements(ack=[self._named(token, some)], release=everything)
        if choice < 0.9:
            self._settle(Settlements(extend=[Settlement(token, seconds=DEADLINE_S)]))
            world.pause(0, 4)
            return Settlements(ack=everything)
        late = max(0, answer.until - world.scheduler.time) / SECOND
        world.pause(late, late + 6)
        return Settlements(**{world.random.choice(("ack", "ack", "nack", "release")): everything})

    def _named(self, token: str, events: list[Event]) -> Settlement:
        return Settlement(token, [self._name_of(event) for event in events])

    def _name_of(self, event: Event) -> tuple[str, str]:
        number, partition, index = event
        return self._world.truth.books[self._name].topics[number], f"{sequence_prefix(partition)}{index:020d}"

    def _settle(self, settlements: Settlements) -> None:
        self._call(GetEvents(self._name, settlements, max_events=0))

    def _call(self, request: GetEvents, patience: int = 99) -> Answer | None:
        """One call over its retries; what it says and what it is told goes on record."""
        settlements = request.settlements
        said = self._world.truth.said
        for verb, settlement in settlements.each():
            covered = self._covered(settlement)
            if verb == "ack":
                said.acks(settlement.lease, covered)
            elif verb in {"nack", "release"}:
                self._given |= {(settlement.lease, event) for event in covered}
                if verb == "release" or settlement.events is not None:
                    said.gives_back(settlement.lease, covered if settlement.dead else ())
        call = object()
        before = self._world.state(self._name)
        asked = self._world.scheduler.time
        done = self._world.call(
            lambda service: service.get_events(request), patience, call=call, settlements=settlements
        )
        if done is None:
            return None
        answer: Answer = done[0]
        self._told(settlements, answer, call)
        if answer.blocked == "delayed" and not answer.slices and not answer.more:
            self._check_others_go_on(before, asked)
        return answer

    def _check_others_go_on(self, before: State, asked: int) -> None:
        """A log stopped, for want of room for its delayed events: no other one may hold back what was there before."""
        world = self._world
        state = world.state(self._name)
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

    def _covered(self, settlement: Settlement) -> set[Event]:
        seen = self._seen.get(settlement.lease, set())
        if settlement.events is None:
            return seen
        named = set(settlement.events)
        return {event for event in seen if self._name_of(event) in named}

    def _told(self, settlements: Settlements, answer: Answer, call: object) -> None:
        unknown = set(answer.unknown)
        state = self._world.state(self._name)
        for settlement in settlements.ack:
            if ("ack", settlement.lease) in unknown:
                self._world.truth.said.told_unknown(call, settlement.lease, state)
                continue
            covered = self._covered(settlement)
            settled = {event for event in covered if (settlement.lease, event) not in self._given}
            outstanding = self._world.truth.books[self._name].outstanding(state)
            self._world.truth.said.told_settled(outstanding, settled)


class Redriver(Consumer):
    """Reads a subscriber's dead letters, and publishes them again for it: mended, so that they do not die again."""

    def _decide(self, token: str, events: list[Event], answer: Answer) -> Settlements:
        world = self._world
        lines = [line for slice_ in answer.slices for line in slice_.lines]
        for event, line in zip(events, lines, strict=True):
            kind = world.truth.logs.kind(line)
            topic = kind.id.partition("/")[0]
            if not world.calm and kind.source == "/subscribers/S":
                world.publishing += 1
                mended = Kind(f"{kind.id}/{event[2]}", colour=kind.colour, redriveof=kind.id, redrivefor="S")
                publish(world, topic, self._name, [entry(self._name, mended)], 0)
                world.publishing -= 1
        return Settlements(ack=[Settlement(token)])


def _events_of(answer: Answer) -> list[Event]:
    return [
        (slice_.span.number, slice_.span.partition, slice_.span.first + i)
        for slice_ in answer.slices
        for i in positions(slice_.picked)
    ]
