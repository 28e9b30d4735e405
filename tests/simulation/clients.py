"""The clients of a seed: publishers, consumers, retention, and somebody who changes subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsubservice.delivery import Answer, GetEvents
from pubsubservice.events import Entry
from pubsubservice.leases import Settlement, Settlements
from pubsubservice.names import identity, sequence_prefix
from pubsubservice.spans import positions
from pubsubservice.subscriptions import Subscribe

from .scheduler import SECOND
from .times import DEADLINE_S, FLOOR_S, attempt
from .truth import Event

if TYPE_CHECKING:
    from .world import World


def publish_all_along(world: World, name: str) -> None:
    """A publisher: it tries each publish again until it is told, or the SDK would give up."""
    known, known_at = 0, world.scheduler.time
    n = 0
    while not world.calm:
        topic = world.random.choice(tuple(world.topic_partitions))
        entries = []
        for _ in range(world.random.choice((1, 1, 1, 4))):
            n += 1
            event_id = f"{name}-{n}"
            line = b'{"specversion":"1.0","id":"%s","source":"s","type":"t"}' % event_id.encode()
            entries.append(Entry(event_id, "s", identity(name, "s", event_id), line))
        since = known + round(0.99 * (world.scheduler.time - known_at)) if known else 0
        first = world.scheduler.time
        # the SDK gives up, and its user may go on trying, well within the once-only window
        give_up_at = first + round(1.2 * FLOOR_S * SECOND)
        done = world.call(
            lambda service, t=topic, e=entries, s=since: service.publish(t, name, e, s), give_up_at=give_up_at
        )
        if done is not None:
            (partition, places), time = done
            world.truth.published((topic, partition), [entry.hash for entry in entries], places)
            if time > known:
                known, known_at = time, world.scheduler.time
        world.pause(0, 3)
    world.publishing -= 1


class Consumer:
    """One consumer of a subscriber's name, as the SDK would be: it settles with its next call, mostly."""

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
            request = GetEvents(
                self._name, settlements, token, world.random.choice((1, 3, 50)), world.random.choice((0.0, 0.0, 4.0))
            )
            self._before_settling(settlements)
            quits = not world.gentle and world.chance(0.05)
            done = world.call(lambda service, r=request: service.get_events(r), patience=1 if quits else 99)
            if done is None:  # shut down in the middle of a fetch: release what may be there
                self._settle(Settlements(release=[Settlement(token)]))
                settlements = Settlements()
                continue
            answer: Answer = done[0]
            self._told(settlements, answer)
            settlements = Settlements()
            events = _events_of(answer)
            if not events:
                world.pause(0, 4)
                continue
            world.truth.received(token, events)
            world.pause(0, 2)
            settlements = self._decide(token, events, answer)

    def _decide(self, token: str, events: list[Event], answer: Answer) -> Settlements:
        """What a consumer does with its events: most are acked with the next call."""
        self._seen.setdefault(token, set()).update(events)
        choice = self._world.random.random()
        some = [event for event in events if self._world.random.random() < 0.5]
        rest = [event for event in events if event not in some]
        everything = [Settlement(token)]
        if self._world.gentle or self._world.calm or choice < 0.5:
            return Settlements(ack=everything)
        if choice < 0.57:
            return Settlements()  # forgotten: it expires
        if choice < 0.65:
            self._settle(Settlements(ack=[self._named(token, some)]))
            return Settlements(ack=everything)
        if choice < 0.73:
            delay = self._world.random.choice((0, 3))
            nack = [Settlement(token, self._named(token, some).events, delay_s=delay)]
            return Settlements(ack=[self._named(token, rest)], nack=nack)
        if choice < 0.78:
            return Settlements(nack=everything)
        if choice < 0.83:
            return Settlements(ack=[self._named(token, some)], release=everything)
        if choice < 0.9:
            self._settle(Settlements(extend=[Settlement(token, seconds=DEADLINE_S)]))
            self._world.pause(0, 4)
            return Settlements(ack=everything)
        late = max(0, answer.until - self._world.scheduler.time) / SECOND
        self._world.pause(late, late + 6)
        verb = self._world.random.choice(("ack", "ack", "nack", "release"))
        return Settlements(**{verb: everything})

    def _named(self, token: str, events: list[Event]) -> Settlement:
        topics = self._world.truth.topics[self._name]
        named = [(topics[number], f"{sequence_prefix(partition)}{index:020d}") for number, partition, index in events]
        return Settlement(token, named)

    def _settle(self, settlements: Settlements) -> None:
        self._before_settling(settlements)
        done = self._world.call(lambda service: service.get_events(GetEvents(self._name, settlements, max_events=0)))
        if done is not None:
            self._told(settlements, done[0])

    def _covered(self, settlement: Settlement) -> set[Event]:
        seen = self._seen.get(settlement.lease, set())
        if settlement.events is None:
            return seen
        topics = self._world.truth.topics[self._name]
        named = set(settlement.events)
        return {e for e in seen if (topics[e[0]], f"{sequence_prefix(e[1])}{e[2]:020d}") in named}

    def _before_settling(self, settlements: Settlements) -> None:
        for verb, settlement in settlements.each():
            covered = self._covered(settlement)
            if verb == "ack":
                self._world.truth.may_be_acked |= {(self._name, event) for event in covered}
            elif verb in ("nack", "release"):
                self._given |= {(settlement.lease, event) for event in covered}

    def _told(self, settlements: Settlements, answer: Answer) -> None:
        unknown = set(answer.unknown)
        for settlement in settlements.ack:
            if ("ack", settlement.lease) not in unknown:
                covered = self._covered(settlement)
                settled = {event for event in covered if (settlement.lease, event) not in self._given}
                self._world.truth.told_settled(self._name, settled, self._world.state(self._name))


def expire_all_along(world: World) -> None:
    """Retention runs again and again, and is killed in the middle now and then."""
    while True:
        world.pause(1, 15)
        if world.calm:
            return
        instance, service = world.random.choice(world.services)
        victim = world.scheduler.spawn(lambda s=service: attempt(lambda: s.expire(max_batches=20)), instance)
        world.pause(0.5, 6)
        if world.chance(0.5):
            world.scheduler.drop(victim)


def change_subscriptions(world: World) -> None:
    """Somebody changes subscriptions now and then; its retries may come late."""
    while True:
        world.pause(20, 60)
        if world.calm:
            return
        topic, token = world.random.choice("AB"), world.mint()
        if world.chance(0.4):
            world.call(
                lambda service, t=topic, k=token: service.subscriptions.unsubscribe("T", t, k) or True, patience=5
            )
        else:
            request = Subscribe("T", topic, ack_deadline_s=DEADLINE_S, token=token)
            world.call(lambda service, r=request: service.subscribe(r), patience=5)


def _events_of(answer: Answer) -> list[Event]:
    return [
        (slice_.span.number, slice_.span.partition, slice_.span.first + i)
        for slice_ in answer.slices
        for i in positions(slice_.picked)
    ]
