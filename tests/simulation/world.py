"""One seed: several instances of the real service, publishers, consumers, expire and mishaps over one simulated store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pubsubservice.core.meter import start_meter
from pubsubservice.core.patterns import is_pattern, most_specific
from pubsubservice.core.problems import Problem
from pubsubservice.core.settings import Settings
from pubsubservice.service import Service
from pubsubservice.storage.port import StoreError
from pubsubservice.subscribers.leases import Settlements
from pubsubservice.subscribers.state import State

from .changing import change_subscriptions, subscription
from .clients import Consumer, Redriver, Returning
from .mishaps import mishap
from .mix import Mix
from .peeking import Peeker
from .processes import Process, live_all_along
from .publishing import make_topics, publish_all_along, relay_all_along
from .removing import remove_all_along
from .retention import GONE, Lines, expire_all_along, lower_retention
from .scheduler import SECOND, Actor, Instance, Scheduler, SimRuntime, Stuck
from .sdk import Sdk, in_place
from .simstore import SimStore
from .times import DEADLINE_S, FLOOR_S, attempt
from .truth import Truth

BUSY_STEPS = 600
MAX_STEPS = 15_000
#: reads the dead letters of S
REDRIVER = "S.redrive"
_NONE = Settlements()


class World:
    """Everything of one seed."""

    def __init__(
        self, seed: int, service_type: type[Service] = Service, mix: Mix | None = None, sdk: type[Sdk] = Sdk
    ) -> None:
        self.scheduler = Scheduler(seed)
        self.random = self.scheduler.random
        self.mix = mix or Mix.of(seed)
        self.gentle = self.mix.gentle
        self.scheduler.pace = self.mix.pace
        self.settings = Settings(
            safety_window_s=FLOOR_S,
            retention_s=self.mix.retention_s,
            ack_deadline_s=DEADLINE_S,
            known_identities=60,
            bounds=self.mix.bounds,
        )
        self.store = SimStore(self.scheduler, self._on_commit)
        self.store.gentle, self.store.stalls = self.gentle, self.mix.stalls
        self.truth = Truth(self.store.documents, self.settings.once_us, self.mix.bounds, gentle=self.gentle)
        self._service_type = service_type
        self._sdk = sdk
        self.lines = Lines(self)
        #: programs that consume by the SDK, those that live
        self.processes: list[Process] = []
        self.services: list[tuple[Instance, Service]] = []
        self._tokens = 0
        self.calm = False
        self.publishing = 0
        #: what publishers publish to
        self.topics = ["A", "B"]
        #: consumers are restarted until then, again and again
        self.restarts_until = 0

    def run(self, *, to_the_end: bool = True) -> dict[str, int]:
        """The violations by name; or just the first of them."""
        with in_place(self, self._sdk):
            return self._run(to_the_end)

    def _run(self, to_the_end: bool) -> dict[str, int]:
        self._to_the_end = to_the_end
        for _ in range(3):
            self.services.append(self._new_service())
        self._register()
        for n in range(self.random.choice((1, 2, 3))):
            self.publishing += 1
            self.scheduler.spawn(lambda n=n: publish_all_along(self, f"P{n}"))
        for _ in range(self.random.choice((1, 2, 3))):
            self.scheduler.spawn(lambda: Consumer(self, "S").run())
        for name in self._names[1:]:
            consumer = {REDRIVER: Redriver, GONE: Returning}.get(name, Consumer)(self, name)
            self.scheduler.spawn(consumer.run)
        for _ in range(self.mix.programs):
            self.scheduler.spawn(lambda: live_all_along(self, "S"))
        if self.mix.patterns:
            self.scheduler.spawn(lambda: make_topics(self))
        if self.mix.peeks:
            self.scheduler.spawn(Peeker(self).run)
        if self.mix.relays:
            self.publishing += 1
            self.scheduler.spawn(lambda: relay_all_along(self, "R"))
        if self.mix.removes:
            self.scheduler.spawn(lambda: remove_all_along(self))
        if not self.gentle:
            self.scheduler.spawn(lambda: expire_all_along(self))
            if self.mix.lowers:
                self.scheduler.spawn(lambda: lower_retention(self))
            self.scheduler.spawn(lambda: change_subscriptions(self))
        try:
            self._loop()
        except Stuck:
            self.truth.bad("stuck")
        finally:
            for process in self.processes:
                self.scheduler.kill(process)
            self.scheduler.end()
        return dict(self.truth.violations)

    @property
    def _names(self) -> list[str]:
        """The subscribers."""
        return ["S", "T"] + ["W"] * self.mix.patterns + [REDRIVER] * self.mix.redrive + [GONE] * self.mix.gone

    def _loop(self) -> None:
        while not (self.calm and self._drained()):
            if not self.scheduler.step() or (self.truth.violations and not self._to_the_end):
                break
            if self.scheduler.steps > MAX_STEPS:
                self.truth.bad("stuck")
                break
            if not self.calm and self.scheduler.steps > BUSY_STEPS:
                self.calm = self.store.calm = self.scheduler.calm = True
            if not self.calm:
                mishap(self)

    def _drained(self) -> bool:
        if self.scheduler.steps % 40 or self.publishing:
            return False
        for name in self._names:
            state = self.state(name)
            if state.leases or state.due or state.dead:
                return False
            if any(self.truth.logs.recorded[topic] >= state.registry.seq for topic in self._wanted(state)):
                return False
            for topic, followed in state.subscriptions.items():
                for partition, position in enumerate(followed.positions):
                    events = self.truth.logs.events.get((topic, partition))
                    if events and position.seq <= events[-1].seq:
                        return False
        return True

    def _wanted(self, state: State) -> list[str]:
        """The topics that a pattern of a subscriber matches and that it does not follow."""
        patterns = [name for name in state.subscriptions if is_pattern(name)]
        return [
            topic
            for topic in self.truth.logs.recorded
            if topic not in state.subscriptions
            and most_specific(patterns, topic)
            and not self.truth.logs.takes_dead_letters(topic)
        ]

    # -- the service

    def _new_service(self) -> tuple[Instance, Service]:
        instance = Instance(skew=self.random.uniform(0.97, 1.03), offset=self.random.uniform(-1e4, 1e4))
        return instance, self._service_type(self.store, self.settings, SimRuntime(self.scheduler, instance))

    def replace_service(self, n: int) -> None:
        """One process of the service is killed, and another one takes its place."""
        self.scheduler.kill(self.services[n][0])
        self.services[n] = self._new_service()

    def _register(self) -> None:
        def register() -> None:
            service = self.services[0][1]
            #: "C.x" and "D" are made by the first publish, while subscribers are at work
            partitions = {"A": self.random.choice((1, 1, 2)), "B": self.random.choice((1, 3))}
            late = self.random.random() < 0.3
            for topic, count in partitions.items():
                if topic == "A" or not late:
                    _until_done(lambda t=topic, n=count: service.topics.register(t, n, self.mix.retention_s))
            for name in self._names:
                _until_done(lambda n=name: service.subscriptions.register(n))
                for topic in {"W": ["A", ">"], REDRIVER: ["S.dead"], GONE: [">"]}.get(name, ["A", "B"]):
                    start = self.random.choice((None, "latest"))
                    _until_done(lambda n=name, t=topic, p=start: self._subscribe(service, n, t, p))
            if late:
                _until_done(lambda: service.topics.register("B", partitions["B"], self.mix.retention_s))

        self.scheduler.spawn(register)
        while self.scheduler.step():
            pass

    def _subscribe(self, service: Service, name: str, topic: str, start: str | None) -> None:
        request = subscription(self, name, topic)
        self.truth.said.will_change(name, str(request.token), "subscribe", topic)
        service.subscriptions.subscribe(request._replace(start=start))

    def _on_commit(self, path: str, old: Any, new: Any) -> None:
        actor = self.scheduler.current
        call, settlements = actor.errand if actor is not None and actor.errand else (None, Settlements())
        self.truth.on_commit(path, old, new, call, settlements)
        if actor is not None and actor.waited and old is not None and path.startswith("subscribers/"):
            self.truth.said.leased_by_a_wait(State.read(new).leases.keys() - State.read(old).leases.keys())

    def state(self, name: str) -> State:
        """A subscriber's state; that of a new one while the name is removed."""
        doc = self.store.documents.get(f"subscribers/{name}")
        return State.new(name) if doc is None else State.read(doc)

    def process_of(self, actor: Actor) -> Process | None:
        """The client's process that an actor is of."""
        return actor.instance if isinstance(actor.instance, Process) else None

    def mint(self) -> str:
        """A lease or subscribe token: store time that a client knows, a little old, and something of its own."""
        self._tokens += 1
        return f"{self.store.now() - self.random.randint(0, SECOND)}-{self._tokens}"

    def call(
        self,
        work: Callable[[Service], Any],
        patience: int = 99,
        give_up: Callable[[], bool] = lambda: False,
        call: object = None,
        settlements: Settlements = _NONE,
        refusals: tuple[str, ...] = (),
        wait_s: float = 0.0,
    ) -> tuple[Any, int] | None:
        """One request over its retries, as the SDK makes it; None when the client gave up. With the answer's store time.

        Args:
            refusals: codes of those that its client expects; any other one is a mistake
            wait_s: each try listens for so long at least
        """
        errand = (call, settlements)
        for tries in range(patience):
            box: list[tuple[Any, int]] = []
            self._send(work, box, errand)
            if not self.gentle and self.chance(0.05):
                self._send(work, [], errand, self.random.choice((1, 5, 20)))  # a duplicate on the way, for later
            until = self.scheduler.time + round((wait_s + self.random.choice((1, 2, 4, 8, 15, 25))) * SECOND)
            if tries == patience - 1 and patience < 99:
                until = self.scheduler.time + self.random.randint(0, 3) * SECOND
            if not box:
                self.scheduler.sleep_until(until, awaits=box)
            if box and box[0][0] is not None and not self.chance(0.08):
                if isinstance(box[0][0], Problem) and box[0][0].code not in refusals:
                    if box[0][0].code != "older_token":
                        self.truth.bad(f"refused: {box[0][0].code}")
                    return None
                return box[0]
            if give_up():
                return None
        return None

    def _send(
        self,
        work: Callable[[Service], Any],
        box: list[tuple[Any, int]],
        errand: tuple[object, Settlements],
        delay_s: int = 0,
    ) -> None:
        instance, service = self.random.choice(self.services)
        client = self.scheduler.current

        def handle() -> None:
            if delay_s:
                self.scheduler.sleep_until(self.scheduler.time + delay_s * SECOND)
            meter = start_meter()
            try:
                answer = work(service)
            except (Problem, StoreError) as e:
                answer = e if isinstance(e, Problem) and e.status < 500 else None
            except Exception as e:
                self.truth.bad(f"crashed: {type(e).__name__}")
                answer = None
            box.append((answer, meter.time))
            if client is not None and client.awaits is box:
                self.scheduler.wake(client)

        self.scheduler.spawn(handle, instance).errand = errand

    def chance(self, chance: float) -> bool:
        return not self.calm and self.random.random() < chance

    def pause(self, low_s: float, high_s: float) -> None:
        self.scheduler.sleep_until(self.scheduler.time + round(self.random.uniform(low_s, high_s) * SECOND))


def _until_done(work: Callable[[], Any]) -> None:
    while isinstance(attempt(work), (Problem, StoreError)):
        pass
