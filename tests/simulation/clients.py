"""The consumers of a seed: they settle with their next call, mostly, as the SDK does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsubservice.delivery.request import GetEvents, GetEventsResponse
from pubsubservice.subscribers.leases import Settlement, Settlements

from .publishing import Kind, entry, publish
from .said import Event
from .scheduler import SECOND
from .talking import Talk
from .times import DEADLINE_S

if TYPE_CHECKING:
    from .world import World

__all__ = ["Consumer", "Redriver", "Returning"]


class Consumer:
    """One consumer of a subscriber's name."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self._talk = Talk(world, name)

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
            quits = not world.gentle and world.chance(0.08)
            done = self._talk.call(request, patience=1 if quits else 99)
            if done is None and wake and world.chance(0.5):  # killed while it waited: nobody releases anything
                settlements = Settlements()
                world.pause(0, 4)
                continue
            if done is None:  # shut down in the middle of a fetch: release what may be there
                self._settle(Settlements(release=[Settlement(token)]))
                settlements = Settlements()
                continue
            settlements = Settlements()
            if not done.slices:
                if not done.woken:
                    world.pause(0, 4)
                continue
            events = self._talk.got(token, done)
            world.pause(0, 2)
            settlements = self._decide(token, events, done)

    def _decide(self, token: str, events: list[Event], answer: GetEventsResponse) -> Settlements:
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

    def _decide_badly(self, token: str, events: list[Event], answer: GetEventsResponse) -> Settlements:
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
            self._settle(Settlements(ack=[self._talk.named(token, some)]))
            return Settlements(ack=everything)
        if choice < 0.68:
            named = self._talk.named(token, some).events
            nack = Settlement(token, named, world.random.choice((None, 0, 3)), dead=world.random.random() < 0.1)
            return Settlements(ack=[self._talk.named(token, rest)], nack=[nack])
        if choice < 0.73:
            self._settle(Settlements(nack=[self._talk.named(token, events[:1])]))
            return Settlements(ack=[self._talk.named(token, events[1:])])
        if choice < 0.78:
            return Settlements(nack=everything)
        if choice < 0.83:
            release = [Settlement(token, delay_s=world.random.choice((None, 0.5, 4)))]
            return Settlements(ack=[self._talk.named(token, some)], release=release)
        if choice < 0.9:
            self._settle(Settlements(extend=[Settlement(token, seconds=DEADLINE_S)]))
            world.pause(0, 4)
            return Settlements(ack=everything)
        late = max(0, answer.until - world.store.now()) / SECOND
        world.pause(late, late + 6)
        return Settlements(**{world.random.choice(("ack", "ack", "nack", "release")): everything})

    def _settle(self, settlements: Settlements) -> None:
        self._talk.call(GetEvents(self._name, settlements, max_events=0))


class Redriver(Consumer):
    """Reads a subscriber's dead letters, and publishes them again for it: mended, so that they do not die again."""

    def _decide(self, token: str, events: list[Event], answer: GetEventsResponse) -> Settlements:
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


class Returning(Consumer):
    """Comes back for its events when all others are about to end."""

    def run(self) -> None:
        while not self._world.calm:
            self._world.pause(1, 10)
        super().run()
