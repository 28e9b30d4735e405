"""Retention in a seed: it runs again and again, and tells of the subscribers that are gone; somebody lowers it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsubservice.core.problems import Problem
from pubsubservice.service import Service
from pubsubservice.storage.port import StoreError

from .logs import Log
from .scheduler import Actor
from .times import FLOOR_S, attempt

if TYPE_CHECKING:
    from .world import World

__all__ = ["GONE", "Lines", "expire_all_along", "lower_retention"]

#: follows a pattern, and nobody asks for its events before the end
GONE = "G"


class Lines:
    """What runs of retention write of subscriptions, for whoever watches over them: by run, the backlog of each topic."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._backlogs: dict[Actor | None, dict[str, int]] = {}

    def begin(self) -> None:
        """A run begins."""
        self._backlogs[self._world.scheduler.current] = {}

    def logs_subscriptions(self) -> bool:
        return self._world.mix.gone

    def log_subscription(self, subscriber: str, topic: str, backlog: int, *_: object, **__: object) -> None:
        """Stands for the function that writes a line."""
        if subscriber == GONE:
            self._backlogs.setdefault(self._world.scheduler.current, {})[topic] = backlog

    def check(self, unread: dict[Log, int]) -> None:
        """A run has ended: what was unread when it began is in its lines, but for what retention took."""
        told = self._backlogs.pop(self._world.scheduler.current)
        logs = self._world.truth.logs
        for topic in {topic for topic, _ in unread}:
            kept = sum(
                not logs.trimmed(topic, partition, index)
                for (of, partition), count in unread.items()
                for index in range(count if of == topic else 0)
            )
            if kept > told.get(topic, 0):
                self._world.truth.bad("the backlog of a subscriber that is gone was not told")


def expire_all_along(world: World) -> None:
    """Retention runs again and again, and is killed in the middle now and then."""
    while True:
        world.pause(1, world.mix.expire_s)
        if world.calm:
            return
        instance, service = world.random.choice(world.services)
        victim = world.scheduler.spawn(lambda s=service: _expire(world, s), instance)
        world.pause(0.5, 6)
        if world.chance(0.5):
            world.scheduler.drop(victim)


def _expire(world: World, service: Service) -> None:
    world.lines.begin()
    logs = world.truth.logs
    unread = {log: len(events) for log, events in logs.events.items() if log[0] in logs.recorded}
    done = attempt(lambda: service.housekeeping.run(max_batches=20))
    if world.mix.gone and not world.calm and not isinstance(done, Problem | StoreError):  # afterwards it is back
        world.lines.check(unread)


def lower_retention(world: World) -> None:
    """Topics keep less from some time on, and then as long as before."""
    while True:
        world.pause(3, 15)
        if world.calm:
            return
        topic = world.random.choice(("A", "B"))
        retention_s = world.random.choice((round(2 * FLOOR_S), world.mix.retention_s))
        service = world.random.choice(world.services)[1]
        attempt(lambda s=service, t=topic, r=retention_s: s.topics.register(t, None, r))
