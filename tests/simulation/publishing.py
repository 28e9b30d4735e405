"""The publishers of a seed, and what their events are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pubsubservice.core.problems import Problem
from pubsubservice.events.entry import Entry, identity

from .scheduler import SECOND
from .times import FLOOR_S

if TYPE_CHECKING:
    from .world import World

__all__ = ["COLOURS", "Kind", "entry", "make_topics", "publish_all_along", "relay_all_along"]

COLOURS = ("red", "blue")


class Kind(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says about itself, for those who judge it."""

    id: str
    source: str = "s"
    specversion: str = "1.0"
    type: str = "t"
    colour: str = ""
    #: whoever handles it fails
    poison: str = ""
    redriveof: str = ""
    #: the only subscriber that gets it
    redrivefor: str = ""


def entry(publisher: str, kind: Kind) -> Entry:
    """An event as the wire layer hands it to the service."""
    line = msgspec.json.encode(msgspec.to_builtins(kind) | {"specversion": "1.0", "source": "s", "type": "t"})
    return Entry(kind.id, "s", identity(publisher, "s", kind.id), line)


def publish_all_along(world: World, name: str) -> None:
    """A publisher: it tries each publish again until it is told, or the SDK would give up."""
    known, known_at = 0, world.scheduler.time
    n = 0
    while not world.calm:
        topic = world.random.choice(world.topics)
        entries = []
        for _ in range(world.random.choice((1, 1, 1, 4))):
            n += 1
            colour = world.random.choice(COLOURS) if world.mix.filters else ""
            poison = "yes" if world.random.random() < world.mix.poison else ""
            entries.append(entry(name, Kind(f"{name}-{n}", colour=colour, poison=poison)))
        longest_s = min(30, world.mix.retention_s / 2)
        delay_s = world.random.uniform(0.5, 1.1 * longest_s) if world.random.random() < world.mix.delayed else 0.0
        since = known + round(0.99 * (world.scheduler.time - known_at)) if known else 0
        # not ahead of a clock that was set back: docs/decisions/0020 says what may happen then
        since = min(since, world.store.now())
        time = publish(world, topic, name, entries, since, delay_s)
        if time > known:
            known, known_at = time, world.scheduler.time
        world.pause(0, 3)
    world.publishing -= 1


def relay_all_along(world: World, name: str) -> None:
    """A relay: it is killed after a publish, and does it again when it is back, however long that takes."""
    n = 0
    while not world.calm:
        topic = world.random.choice(world.topics)
        since = world.store.now() - world.random.randint(0, SECOND)
        n += 1
        entries = [entry(name, Kind(f"{name}-{n}-{m}")) for m in range(world.random.choice((1, 3)))]
        world.truth.logs.stored_once.update(one.hash for one in entries)
        # with `far` too, because copies of this request may come late
        publish(world, topic, name, entries[: world.random.choice((1, 3))], since, far=True)
        world.pause(*world.random.choice(((0, 4), (10, 40))))
        publish(world, topic, name, entries, since, far=True)
    world.publishing -= 1


def publish(
    world: World, topic: str, name: str, entries: list[Entry], since: int, delay_s: float = 0.0, *, far: bool = False
) -> int:
    """One publish; returns the newest store time that its answer told, 0 if it was given up."""
    # the SDK gives up, and its user may go on trying, well within the once-only window
    give_up_at = world.scheduler.time + round(1.2 * FLOOR_S * SECOND)
    done = world.call(
        lambda service: service.publish(topic, name, entries, since, delay_s, far=far),
        give_up=lambda: world.scheduler.time >= give_up_at,
        refusals=("delay_too_long",),
    )
    if done is None or isinstance(done[0], Problem):
        return 0
    if 2 * delay_s > world.mix.retention_s:
        world.truth.bad("a delay was accepted that its topic does not keep")
    (partition, places), time = done
    world.truth.logs.published((topic, partition), [one.hash for one in entries], places)
    return time


def make_topics(world: World) -> None:
    """New topics come up, which publishers use from then on."""
    for n in range(world.random.choice((1, 2, 6))):
        world.pause(1, 8)
        if world.calm:
            return
        world.topics.append(f"C.{n}")
