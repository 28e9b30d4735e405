"""Deterministic concurrency: every actor is a greenlet, and a seed decides who goes on at each call of a port or the runtime.

Time is the store's, in µs, and moves only here. Process clocks are derived from it, with a skew of their own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

SECOND = 1_000_000


class Stuck(Exception):
    """Nothing can go on, or too many steps were taken."""


class Actor:
    """Something that runs: a client, or a request within an instance of the service."""

    def __init__(self, scheduler: Scheduler, run: Callable[[], Any], instance: Instance | None) -> None:
        self.instance = instance
        #: asleep until then; 0 when it is not
        self.wake_at = 0
        #: waiting for a lock or event until this says that it is free
        self.free: Callable[[], bool] | None = None
        #: what may wake it before
        self.awaits: object = None
        #: what it works for, as those know who watch what it does
        self.errand: object = None
        #: a request that has waited for something to come
        self.waited = False
        #: what a signal handler raises in it when it goes on
        self.signal: BaseException | None = None
        #: counts its turns, so that an old alarm does not wake it
        self.turn = 0
        self.failure: BaseException | None = None
        self._run = run
        self._greenlet = greenlet(self._main, parent=scheduler.hub)

    def _main(self) -> None:
        try:
            self._run()
        except GreenletExit:
            pass
        except BaseException as e:
            self.failure = e

    @property
    def dead(self) -> bool:
        return self._greenlet.dead or (self.instance is not None and self.instance.killed)

    def go_on(self) -> None:
        self._greenlet.switch()

    def end(self) -> None:
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)


class Instance:
    """One process of the service: its clock, and whether it still runs."""

    def __init__(self, skew: float, offset: float) -> None:
        self.skew = skew
        self.offset = offset
        self.killed = False
        self.frozen_until = 0


class Scheduler:
    """Runs the actors of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.time = 1_000 * SECOND
        self.hub = getcurrent()
        self.current: Actor | None = None
        self.steps = 0
        #: no more faults, and quicker steps: otherwise clients may try again faster than the services answer
        self.calm = False
        #: by how much steps are quicker
        self.pace = 1
        self._alarms = 0
        self._actors: list[Actor] = []
        self._ready: list[Actor] = []
        self._blocked: list[Actor] = []
        #: (wake time, tie breaker, actor, its turn when it went to sleep)
        self._asleep: list[tuple[int, int, Actor, int]] = []

    def spawn(self, run: Callable[[], Any], instance: Instance | None = None) -> Actor:
        actor = Actor(self, run, instance)
        self._actors.append(actor)
        self._ready.append(actor)
        return actor

    def pass_baton(self) -> None:
        """Called by an actor: somebody else may go first."""
        assert self.current is not None
        if self.current.instance is not None and self.current.instance.killed:
            raise GreenletExit
        actor = self.current
        self.hub.switch()
        if actor.signal is not None:
            error, actor.signal = actor.signal, None
            raise error

    def sleep_until(self, time: int, awaits: object = None) -> None:
        """Called by an actor: go on at this time, or when what it awaits is there."""
        actor = self.current
        assert actor is not None
        actor.wake_at, actor.awaits = time, awaits
        self.pass_baton()
        actor.awaits = None

    def wake(self, actor: Actor) -> None:
        """End an actor's sleep."""
        if actor.wake_at:
            actor.wake_at = 0
            actor.turn += 1
            self._ready.append(actor)

    def interrupt(self, actor: Actor, error: BaseException) -> None:
        """Have a signal handler raise an error in an actor, wherever it is."""
        actor.signal = error
        if actor.free is not None:
            actor.free = lambda: True
        self.wake(actor)

    def block(self, free: Callable[[], bool]) -> None:
        assert self.current is not None
        self.current.free = free
        self.pass_baton()

    def drop(self, actor: Actor) -> None:
        """End one actor where it is."""
        alone = Instance(1.0, 0.0)
        actor.instance = alone
        self.kill(alone)

    def end(self) -> None:
        """End everybody: a greenlet that is left in the middle is never collected, nor is what it refers to."""
        for actor in list(self._actors):
            self.drop(actor)

    def kill(self, instance: Instance) -> None:
        """End a process at once, with all that it was doing."""
        instance.killed = True
        killer = self.current
        for actor in self._actors:
            if actor.instance is instance and actor is not killer:
                self.current = actor
                actor.end()
        self._actors = [actor for actor in self._actors if not actor.dead or actor is killer]
        self.current = killer
        if killer is not None and killer.instance is instance:
            raise GreenletExit

    def step(self) -> bool:
        """Let one actor that can run go on to its next call; False when none is left."""
        actor = self._next()
        if actor is None:
            return False
        self.current = actor
        self.steps += 1
        self.time += (20_000 + int(self.random.random() * 100_000)) // (10 if self.calm else self.pace)
        actor.wake_at, actor.free = 0, None
        actor.turn += 1
        actor.go_on()
        self.current = None
        if actor.failure is not None:
            raise actor.failure
        if not actor.dead:
            self._put_away(actor)
        return True

    def _put_away(self, actor: Actor) -> None:
        if actor.free is not None:
            self._blocked.append(actor)
        elif actor.wake_at > self.time:
            self._alarms += 1
            heappush(self._asleep, (actor.wake_at, self._alarms, actor, actor.turn))
        else:
            actor.wake_at = 0
            self._ready.append(actor)

    def _next(self) -> Actor | None:
        while True:
            while self._asleep and self._asleep[0][0] <= self.time:
                _, _, actor, turn = heappop(self._asleep)
                if turn == actor.turn:
                    actor.wake_at = 0
                    self._ready.append(actor)
            if self._blocked:
                blocked, self._blocked = self._blocked, []
                for actor in blocked:
                    (self._ready if actor.free is None or actor.free() else self._blocked).append(actor)
            if not self._ready:
                if not self._asleep:
                    if any(not actor.dead for actor in self._blocked):
                        raise Stuck("every actor is blocked")
                    return None
                self.time = max(self.time, self._asleep[0][0])
                continue
            i = int(self.random.random() * len(self._ready))
            actor, self._ready[i] = self._ready[i], self._ready[-1]
            self._ready.pop()
            if actor.dead:
                continue
            if actor.instance is not None and actor.instance.frozen_until > self.time:
                actor.wake_at, actor.free = actor.instance.frozen_until, None
                self._put_away(actor)
                continue
            return actor


class SimLock:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held = False

    def __enter__(self) -> None:
        while self._held:
            self._scheduler.block(lambda: not self._held)
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False


class SimEvent:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._set = False

    def set(self) -> None:
        self._set = True

    def wait(self, timeout: float | None = None) -> bool:
        while not self._set:
            self._scheduler.block(lambda: self._set)
        return True


class SimRuntime:
    """The runtime of one instance; its clock may be wrong, as any process's may be."""

    def __init__(self, scheduler: Scheduler, instance: Instance) -> None:
        self._scheduler = scheduler
        self._instance = instance

    def monotonic(self) -> float:
        return self._scheduler.time / SECOND * self._instance.skew + self._instance.offset

    def sleep(self, seconds: float) -> None:
        self._scheduler.sleep_until(self._scheduler.time + round(seconds * SECOND))

    def random(self) -> float:
        return self._scheduler.random.random()

    def new_lock(self) -> SimLock:
        return SimLock(self._scheduler)

    def new_event(self) -> SimEvent:
        return SimEvent(self._scheduler)
