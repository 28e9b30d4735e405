"""What happens to the processes of a seed, and to the clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scheduler import SECOND

if TYPE_CHECKING:
    from .world import World

__all__ = ["mishap"]


def mishap(world: World) -> None:
    """Now and then a process is killed or frozen, nothing happens for a long time, or a clock is set back."""
    if world.random.random() < 0.003:
        world.restarts_until = world.scheduler.time + 15 * SECOND
    if world.gentle:
        return
    chance = world.random.random()
    if chance < 0.002:
        world.replace_service(world.random.randrange(len(world.services)))
    elif chance < 0.004:
        instance = world.random.choice(world.services)[0]
        instance.frozen_until = world.scheduler.time + world.random.choice((2, 6, 20, 60)) * SECOND
    elif chance < 0.006:
        world.scheduler.time += world.random.choice((2, 4, 10, 20, 60)) * SECOND
    elif chance < 0.007 and world.processes:
        process = world.random.choice(world.processes)
        process.frozen_until = world.scheduler.time + world.random.choice((1, 5, 10)) * SECOND
    elif chance > 1 - world.mix.set_back:
        _set_clock_back(world)


def _set_clock_back(world: World) -> None:
    """Nobody asks for anything for a while, and the store's clock stands; it may leap when it is right again."""
    seconds = world.random.choice((3, 10, 30))
    world.scheduler.time += seconds * SECOND
    world.store.set_back(seconds)
    if world.random.random() < 0.5:
        world.scheduler.spawn(lambda: (world.pause(5, 40), world.store.set_back(-seconds)))
