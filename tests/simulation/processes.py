"""Programs that consume by the SDK: several threads over one subscriber; killed, ended by a signal, ended in good order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from greenlet import GreenletExit

from pubsubclient import PubSubError, ReceivedEvent, ServiceError, Subscriber
from pubsubclient._core.at_exit import EXIT_DEADLINE_S, Holder, verb_for
from pubsubclient._http.call import Cancellation

from .scheduler import SECOND, Actor, Instance
from .standins import Local
from .talking import Talk
from .watch import Watch

if TYPE_CHECKING:
    from .world import World

__all__ = ["Process", "live_all_along"]

#: what a process that does not end by itself is given, seconds
_PATIENCE_S = 90
_MANY = 5_000


class _HandlingError(Exception):
    """What the code of a program raises: its thread ends."""


class _Call:
    """A call under way, as those know it who may cancel it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._actor = process.scheduler.current

    def shut(self) -> None:
        if self._actor is not None:
            self._process.scheduler.wake(self._actor)


class Process(Instance):
    """One process, and what it has of the SDK.

    Args:
        way: how its threads consume: "loop" (`events()`), "call" (`get_events`), "pull"
    """

    def __init__(self, world: World, name: str, way: str) -> None:
        # as fast as the SDK allows a clock to be
        super().__init__(skew=world.random.uniform(0.99, 1.01), offset=world.random.uniform(-1e4, 1e4))
        self.world = world
        self.scheduler = world.scheduler
        self.loops = way == "loop"
        self._consume = {"loop": self._loop, "call": self._call, "pull": self._pull}[way]
        #: whether it closes its subscriber and waits for its threads before it exits; if not, they are daemons
        self._closes = world.random.random() < 0.7
        self.talk = Talk(world, name)
        self.watch = Watch(self)
        #: who has something to settle when it ends
        self.holders: dict[Holder, None] = {}
        self.locals: list[Local] = []
        #: the SDK's own thread
        self.background: Actor | None = None
        self._calling: dict[Actor, None] = {}
        #: its threads by number: the lowest that is free, as the system gives them
        self.threads: dict[int, Actor] = {}
        #: of one event, about; seconds
        self._work_s = world.random.choice((0.05, 0.3) if world.gentle else (0.05, 0.3, 1.0))
        self._ending = False
        self._main: Actor | None = None
        self._subscriber: Subscriber | None = None

    # -- what the SDK takes from it

    def monotonic(self) -> float:
        return self.scheduler.time / SECOND * self.skew + self.offset

    def sleep(self, seconds: float) -> None:
        self.check_alive()
        self.scheduler.sleep_until(self.scheduler.time + round(seconds / self.skew * SECOND))

    def check_alive(self) -> None:
        """What is killed does nothing more, whatever its code would do on its way out."""
        if self.killed:
            raise GreenletExit

    @contextmanager
    def calling(self, cancellation: Cancellation | None) -> Iterator[None]:
        """A call is under way."""
        actor = self.scheduler.current
        assert actor is not None
        call = _Call(self)
        self._calling[actor] = None
        if cancellation is not None:
            cancellation.begin(call)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self._calling.pop(actor)
            if cancellation is not None:
                cancellation.end(call)  # type: ignore[arg-type]

    # -- what it is asked

    @property
    def least_work_s(self) -> float:
        """A body takes at least so long for an event."""
        return 0.5 * self._work_s

    def sends_by(self, time: int) -> bool:
        """Whether the SDK's thread is at it, or will be by then."""
        thread = self.background
        if thread is None or thread.dead:
            return False
        return thread in self._calling or thread.wake_at <= time

    def number_of(self, actor: Actor | None) -> int:
        """The number of a thread: another one has it when that has ended."""
        return next((number for number, thread in self.threads.items() if thread is actor), -1)

    # -- its life

    def start(self) -> None:
        self._main = self._new_thread(self._run)

    def kill(self) -> None:
        """As a crash or SIGKILL does: nothing more is sent."""
        self.watch.check_prompt()
        self.scheduler.kill(self)

    def signal(self, error: BaseException) -> None:
        """Its main thread's signal handler raises this."""
        if self._main is not None and not self._main.dead:
            self.scheduler.interrupt(self._main, error)

    def ask_to_end(self) -> None:
        """One of its threads closes its subscriber, and all leave off."""
        self._ending = True
        if self._subscriber is not None:
            self._new_thread(self._close)

    def _run(self) -> None:
        """The main thread: it consumes like the others, then ends them and the program."""
        error: BaseException | None = None
        try:
            self._subscriber = subscriber = Subscriber(self.talk.name)
            with subscriber if self._closes else nullcontext():
                for _ in range(self.world.random.choice((0, 1))):
                    self._new_thread(lambda: self._consume_on(subscriber), again=True)
                self._consume_on(subscriber)
        except (SystemExit, KeyboardInterrupt, PubSubError, _HandlingError) as raised:
            error = raised
        with suppress(SystemExit, KeyboardInterrupt):  # another signal: it does not wait for the rest
            self._exit(error)
        self.kill()

    def _exit(self, error: BaseException | None) -> None:
        if self._closes:
            self._ending = True
            while len(self.threads) > 1:
                self.sleep(0.2)
        self.watch.exits()
        for holder in list(self.holders):
            try:
                holder.settle(verb_for(error), EXIT_DEADLINE_S)
            except PubSubError:  # noqa: PERF203 - as at a real exit
                self.watch.failed()
        self.watch.check_nothing_kept()

    def _close(self) -> None:
        assert self._subscriber is not None
        with suppress(PubSubError):
            self._subscriber.close()

    def _new_thread(self, run: Callable[[], None], *, again: bool = False) -> Actor:
        """Start a thread; `again`: when it ends, another one takes its place, and its number."""
        number = next(n for n in range(100) if n not in self.threads)

        def end_it() -> None:
            try:
                run()
            finally:
                thread = self.threads.pop(number)
                for local in self.locals:
                    local.forget(thread)
            if again and not self._ending:
                self._new_thread(run, again=True)

        actor = self.threads[number] = self.scheduler.spawn(end_it, self)
        return actor

    def _consume_on(self, subscriber: Subscriber) -> None:
        """A thread; when its code fails, it ends."""
        while not self._ending:
            try:
                self._consume(subscriber)
            except _HandlingError:  # noqa: PERF203 - it goes on
                if self.scheduler.current is self._main:
                    raise
                return
            except ServiceError as error:
                self.world.truth.bad(f"the SDK raised {error.code}")
            except PubSubError:
                self.sleep(1)

    def _loop(self, subscriber: Subscriber) -> None:
        events = subscriber.events(wait=self.world.random.choice((2, None)), max_events=_MANY)
        try:
            for event in events:
                if self._ending:
                    self.watch.begins(event)  # what a loop is at when it is left is left to its lease
                    break
                self._work_on(event)
        finally:
            events.close()  # as it is when its last reference goes

    def _call(self, subscriber: Subscriber) -> None:
        most = self.world.random.choice((1, 3, 50))
        for event in subscriber.get_events(max_events=most, wait=self.world.random.choice((0, 4))):
            self._work_on(event)
        self.sleep(0.1)

    def _pull(self, subscriber: Subscriber) -> None:
        with subscriber.pull(max_events=self.world.random.choice((1, 3, 50)), wait=4) as events:
            for event in events:
                self._work_on(event)

    def _work_on(self, event: ReceivedEvent) -> None:
        """The body: most events are done in the end."""
        world = self.world
        self.watch.begins(event)
        self.sleep(world.random.uniform(0.5, 1.5) * self._work_s)
        choice = 0.5 if world.gentle or world.calm else world.random.random()
        if event.members.get("poison") or choice < 0.05:
            self._give_back(event, lambda: event.nack(world.random.choice((None, 0, 1))))
        elif choice < 0.08:
            self._give_back(event, lambda: event.release(world.random.choice((0, 0, 4))))
        elif choice < 0.12:
            raise _HandlingError
        else:
            self.watch.finishes(event)
            if choice > 0.95:
                with suppress(PubSubError):
                    event.ack()

    def _give_back(self, event: ReceivedEvent, settle: Callable[[], bool]) -> None:
        with suppress(PubSubError):
            if settle():
                self.watch.gave_back(event)


def live_all_along(world: World, name: str) -> None:
    """Processes one after another, each ended in one way or another; the last one lives."""
    while True:
        process = Process(world, name, world.random.choice(("loop", "loop", "loop", "call", "call", "pull")))
        world.processes.append(process)
        process.start()
        world.pause(2, 20)
        if world.gentle or world.calm:
            return
        end = world.random.random()
        if end < 0.5:
            process.kill()
        elif end < 0.85:
            codes = (SystemExit(1), KeyboardInterrupt(), *((SystemExit(0),) if process.loops else ()))
            process.signal(world.random.choice(codes))
        else:
            process.ask_to_end()
        until = world.scheduler.time + _PATIENCE_S * SECOND
        while not process.killed and world.scheduler.time < until:
            world.pause(0.2, 1)
        if not process.killed:
            process.kill()
        world.processes.remove(process)
        world.pause(0, 3)
