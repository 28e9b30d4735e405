"""One seed: several instances of the real service, publishers, consumers, expire and mishaps over one simulated store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pubsubservice.delivery import Answer, GetEvents
from pubsubservice.events import Entry
from pubsubservice.leases import Settlement, Settlements
from pubsubservice.names import identity, sequence_prefix
from pubsubservice.problems import Problem
from pubsubservice.service import Service
from pubsubservice.settings import Settings
from pubsubservice.store import StoreError, start_meter
from pubsubservice.subscriber import State
from pubsubservice.subscriptions import Subscribe

from .scheduler import SECOND, Instance, Scheduler, SimRuntime, Stuck
from .simstore import SimStore
from .truth import Event, Truth

FLOOR_S = 4.0
RETENTION_S = 10
DEADLINE_S = 6
BUSY_STEPS = 600
MAX_STEPS = 40_000


class World:
    """Everything of one seed; `run` returns the violations by name."""

    def __init__(self, seed: int, service_type: type[Service] = Service) -> None:
        self.scheduler = Scheduler(seed)
        self.random = self.scheduler.random
        self.settings = Settings(
            floor_s=FLOOR_S, retention_s=RETENTION_S, ack_deadline_s=DEADLINE_S, known_identities=60
        )
        self.store = SimStore(self.scheduler, self._on_commit)
        self.truth = Truth(self.store.documents, self.settings.once_us)
        self.gentle = self.store.gentle = seed % 3 == 0
        self._service_type = service_type
        self._services: list[tuple[Instance, Service]] = []
        self._tokens = 0
        #: what a client got under a token; what it gave back itself
        self._seen: dict[str, set[Event]] = {}
        self._given: set[tuple[str, Event]] = set()
        self.calm = False
        self.publishing = 0

    def run(self) -> dict[str, int]:
        for _ in range(3):
            self._services.append(self._new_service())
        self._register()
        for n in range(self.random.choice((1, 2, 3))):
            self.publishing += 1
            self.scheduler.spawn(lambda n=n: self._publisher(f"P{n}"))
        for name, consumers in (("S", self.random.choice((1, 2, 3))), ("T", 1)):
            for _ in range(consumers):
                self.scheduler.spawn(lambda name=name: self._consumer(name))
        if not self.gentle:
            self.scheduler.spawn(self._expire)
            self.scheduler.spawn(self._resubscriber)
        try:
            self._loop()
        except Stuck:
            self.truth.bad("stuck")
        return dict(self.truth.violations)

    def _loop(self) -> None:
        while not (self.calm and self._drained()):
            if not self.scheduler.step():
                break
            if self.scheduler.steps > MAX_STEPS:
                self.truth.bad("stuck")
                break
            if not self.calm and self.scheduler.steps > BUSY_STEPS:
                self.calm = self.store.calm = True
            if not self.calm and not self.gentle:
                self._mishap()
        for instance, _ in self._services:
            self.scheduler.kill(instance)

    def _drained(self) -> bool:
        if self.scheduler.steps % 40 or self.publishing:
            return False
        for name in ("S", "T"):
            state = self.state(name)
            if state.leases or state.due:
                return False
            for topic, subscription in state.subscriptions.items():
                for partition, position in enumerate(subscription.positions):
                    events = self.truth.logs.get((topic, partition))
                    if events and position.seq <= events[-1][1]:
                        return False
        return True

    def _mishap(self) -> None:
        """Now and then a process is killed or frozen, or nothing happens for a long time."""
        chance = self.random.random()
        if chance < 0.002:
            n = self.random.randrange(len(self._services))
            self.scheduler.kill(self._services[n][0])
            self._services[n] = self._new_service()
        elif chance < 0.004:
            instance = self.random.choice(self._services)[0]
            instance.frozen_until = self.scheduler.time + self.random.choice((2, 6, 20, 60)) * SECOND
        elif chance < 0.006:
            self.scheduler.time += self.random.choice((2, 4, 10, 20, 60)) * SECOND

    # -- the service

    def _new_service(self) -> tuple[Instance, Service]:
        instance = Instance(skew=self.random.uniform(0.97, 1.03), offset=self.random.uniform(-1e4, 1e4))
        return instance, self._service_type(self.store, self.settings, SimRuntime(self.scheduler, instance))

    def _register(self) -> None:
        def register() -> None:
            service = self._services[0][1]
            self.topic_partitions = {"A": 1, "B": self.random.choice((1, 3))}
            late = self.random.random() < 0.3
            for topic, partitions in self.topic_partitions.items():
                if topic == "A" or not late:
                    _until_done(lambda t=topic, p=partitions: service.topics.register(t, p, RETENTION_S))
            for name in ("S", "T"):
                _until_done(lambda n=name: service.subscriptions.register(n))
                for topic in ("A", "B"):
                    request = Subscribe(
                        name, topic, start=self.random.choice((None, "latest")), ack_deadline_s=DEADLINE_S
                    )
                    _until_done(lambda r=request: service.subscribe(r._replace(token=self.mint())))
            if late:
                _until_done(lambda: service.topics.register("B", self.topic_partitions["B"], RETENTION_S))

        self.scheduler.spawn(register)
        while self.scheduler.step():
            pass

    def _on_commit(self, path: str, old: Any, new: Any) -> None:
        self.truth.on_commit(path, old, new)

    def state(self, name: str) -> State:
        return State.read(self.store.documents[f"subscribers/{name}"])

    def mint(self) -> str:
        """A lease or subscribe token: store time that a client knows, a little old, and something of its own."""
        self._tokens += 1
        return f"{self.scheduler.time - self.random.randint(0, SECOND)}-{self._tokens}"

    def call(
        self, work: Callable[[Service], Any], patience: int = 99, give_up_at: int | None = None
    ) -> tuple[Any, int] | None:
        """One request over its retries, as the SDK makes it; None when the client gave up. With the answer's store time."""
        for tries in range(patience):
            box: list[tuple[Any, int]] = []
            self._send(work, box)
            if not self.gentle and self._chance(0.05):
                self._send(work, [], self.random.choice((1, 5, 20)))  # a duplicate on the way, for later
            until = self.scheduler.time + self.random.randint(4, 25) * SECOND
            if tries == patience - 1 and patience < 99:
                until = self.scheduler.time + self.random.randint(0, 3) * SECOND
            if not box:
                self.scheduler.sleep_until(until, awaits=box)
            if box and box[0][0] is not None and not self._chance(0.08):
                if isinstance(box[0][0], Problem):
                    if box[0][0].code != "older_token":
                        self.truth.bad(f"refused: {box[0][0].code}")
                    return None
                return box[0]
            if give_up_at is not None and self.scheduler.time >= give_up_at:
                return None
        return None

    def _send(self, work: Callable[[Service], Any], box: list[tuple[Any, int]], delay_s: int = 0) -> None:
        instance, service = self.random.choice(self._services)
        client = self.scheduler.current

        def handle() -> None:
            if delay_s:
                self.scheduler.sleep_until(self.scheduler.time + delay_s * SECOND)
            meter = start_meter()
            try:
                answer = work(service)
            except (Problem, StoreError) as e:
                answer = e if isinstance(e, Problem) and e.status < 500 else None
            box.append((answer, meter.time))
            if client is not None and client.awaits is box:
                self.scheduler.wake(client)

        self.scheduler.spawn(handle, instance)

    def _chance(self, chance: float) -> bool:
        return not self.calm and self.random.random() < chance

    def pause(self, low_s: float, high_s: float) -> None:
        self.scheduler.sleep_until(self.scheduler.time + round(self.random.uniform(low_s, high_s) * SECOND))

    # -- clients

    def _publisher(self, name: str) -> None:
        known, known_at = 0, self.scheduler.time
        n = 0
        while not self.calm:
            topic = self.random.choice(tuple(self.topic_partitions))
            entries = []
            for _ in range(self.random.choice((1, 1, 1, 4))):
                n += 1
                event_id = f"{name}-{n}"
                line = b'{"specversion":"1.0","id":"%s","source":"s","type":"t"}' % event_id.encode()
                entries.append(Entry(event_id, "s", identity(name, "s", event_id), line))
            since = known + round(0.99 * (self.scheduler.time - known_at)) if known else 0
            first = self.scheduler.time
            # the SDK gives up, and its user may go on trying, well within the once-only window
            give_up_at = first + round(1.2 * FLOOR_S * SECOND)
            done = self.call(
                lambda service, t=topic, e=entries, s=since: service.publish(t, name, e, s), give_up_at=give_up_at
            )
            if done is not None:
                (partition, places), time = done
                self.truth.published((topic, partition), [entry.hash for entry in entries], places)
                if time > known:
                    known, known_at = time, self.scheduler.time
            self.pause(0, 3)
        self.publishing -= 1

    def _consumer(self, name: str) -> None:
        settlements = Settlements()
        while True:
            token = self.mint()
            request = GetEvents(
                name, settlements, token, self.random.choice((1, 3, 50)), self.random.choice((0.0, 0.0, 4.0))
            )
            self._before_settling(name, settlements)
            quits = not self.gentle and self._chance(0.05)
            done = self.call(lambda service, r=request: service.get_events(r), patience=1 if quits else 99)
            if done is None:  # shut down in the middle of a fetch: release what may be there
                self._settle(name, Settlements(release=[Settlement(token)]))
                settlements = Settlements()
                continue
            answer: Answer = done[0]
            self._told(name, settlements, answer)
            settlements = Settlements()
            events = _events_of(answer)
            if not events:
                self.pause(0, 4)
                continue
            self.truth.received(token, events)
            self.pause(0, 2)
            settlements = self._decide(name, token, events, answer)

    def _decide(self, name: str, token: str, events: list[Event], answer: Answer) -> Settlements:
        """What a consumer does with its events: most are acked with the next call."""
        self._seen.setdefault(token, set()).update(events)
        choice = self.random.random()
        some = [event for event in events if self.random.random() < 0.5]
        rest = [event for event in events if event not in some]
        everything = [Settlement(token)]
        if self.gentle or self.calm or choice < 0.5:
            return Settlements(ack=everything)
        if choice < 0.57:
            return Settlements()  # forgotten: it expires
        if choice < 0.65:
            self._settle(name, Settlements(ack=[self._named(name, token, some)]))
            return Settlements(ack=everything)
        if choice < 0.73:
            delay = self.random.choice((0, 3))
            nack = [Settlement(token, self._named(name, token, some).events, delay_s=delay)]
            return Settlements(ack=[self._named(name, token, rest)], nack=nack)
        if choice < 0.78:
            return Settlements(nack=everything)
        if choice < 0.83:
            return Settlements(ack=[self._named(name, token, some)], release=everything)
        if choice < 0.9:
            self._settle(name, Settlements(extend=[Settlement(token, seconds=DEADLINE_S)]))
            self.pause(0, 4)
            return Settlements(ack=everything)
        late = max(0, answer.until - self.scheduler.time) / SECOND
        self.pause(late, late + 6)
        verb = self.random.choice(("ack", "ack", "nack", "release"))
        return Settlements(**{verb: everything})

    def _named(self, name: str, token: str, events: list[Event]) -> Settlement:
        topics = self.truth.topics[name]
        named = [(topics[number], f"{sequence_prefix(partition)}{index:020d}") for number, partition, index in events]
        return Settlement(token, named)

    def _settle(self, name: str, settlements: Settlements) -> None:
        self._before_settling(name, settlements)
        done = self.call(lambda service: service.get_events(GetEvents(name, settlements, max_events=0)))
        if done is not None:
            self._told(name, settlements, done[0])

    def _covered(self, name: str, settlement: Settlement) -> set[Event]:
        seen = self._seen.get(settlement.lease, set())
        if settlement.events is None:
            return seen
        topics = self.truth.topics[name]
        named = set(settlement.events)
        return {e for e in seen if (topics[e[0]], f"{sequence_prefix(e[1])}{e[2]:020d}") in named}

    def _before_settling(self, name: str, settlements: Settlements) -> None:
        for verb, settlement in settlements.each():
            covered = self._covered(name, settlement)
            if verb == "ack":
                self.truth.may_be_acked |= {(name, event) for event in covered}
            elif verb in ("nack", "release"):
                self._given |= {(settlement.lease, event) for event in covered}

    def _told(self, name: str, settlements: Settlements, answer: Answer) -> None:
        unknown = set(answer.unknown)
        for settlement in settlements.ack:
            if ("ack", settlement.lease) not in unknown:
                covered = self._covered(name, settlement)
                settled = {event for event in covered if (settlement.lease, event) not in self._given}
                self.truth.told_settled(name, settled, self.state(name))

    def _expire(self) -> None:
        while True:
            self.pause(1, 15)
            if self.calm:
                return
            instance, service = self.random.choice(self._services)
            victim = self.scheduler.spawn(lambda s=service: _try(lambda: s.expire(max_batches=20)), instance)
            self.pause(0.5, 6)
            if self._chance(0.5):
                self.scheduler.drop(victim)

    def _resubscriber(self) -> None:
        """Somebody changes subscriptions now and then; its retries may come late."""
        while True:
            self.pause(20, 60)
            if self.calm:
                return
            topic, token = self.random.choice("AB"), self.mint()
            if self._chance(0.4):
                self.call(
                    lambda service, t=topic, k=token: service.subscriptions.unsubscribe("T", t, k) or True, patience=5
                )
            else:
                request = Subscribe("T", topic, ack_deadline_s=DEADLINE_S, token=token)
                self.call(lambda service, r=request: service.subscribe(r), patience=5)


def _events_of(answer: Answer) -> list[Event]:
    return [
        (slice_.span.number, slice_.span.partition, slice_.span.first + i)
        for slice_ in answer.slices
        for i in range(len(slice_.lines))
    ]


def _try(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (Problem, StoreError) as e:
        return e


def _until_done(work: Callable[[], Any]) -> None:
    while isinstance(_try(work), (Problem, StoreError)):
        pass
