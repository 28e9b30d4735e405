"""Somebody who removes a subscriber now and then, and registers it again: a later life of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pubsubservice.core.problems import Problem

from .changing import subscription

if TYPE_CHECKING:
    from .world import World

__all__ = ["Removal", "remove_all_along"]

#: what it removes: its consumers live through it
_NAME = "T"
#: times that a request is tried
_PATIENCE = 5


class Removal(NamedTuple):
    """A request to remove a name, as those know it who judge what it did."""

    #: store time at which it was first sent, µs
    asked: int
    #: whether dead letters may be dropped
    force: bool


def remove_all_along(world: World) -> None:
    """Remove, register, subscribe; late copies of each of these requests come to a later life."""
    while True:
        world.pause(2, 15)
        if world.calm:
            return
        world.publishing += 1  # the seed does not end while the name is gone
        removal = Removal(world.store.now(), world.random.random() < 0.2)
        token = world.mint() if world.random.random() < 0.8 else None
        world.call(
            lambda service, t=token, r=removal: service.removal.remove("subscriber", _NAME, t, force=r.force) or True,
            _PATIENCE,
            call=removal,
            refusals=("invalid_request",),
        )
        world.pause(0, 3)
        for topic in ("A", "B"):
            _subscribe(world, topic)
        world.publishing -= 1


def _subscribe(world: World, topic: str) -> None:
    """Register the name and subscribe, with newer tokens until one is of the present life."""
    while True:
        world.call(lambda service: service.subscriptions.register(_NAME))
        request = subscription(world, _NAME, topic)
        start = world.random.choice((None, "latest"))
        world.truth.said.will_change(_NAME, str(request.token), "subscribe", topic)
        done = world.call(
            lambda service, r=request, s=start: service.subscriptions.subscribe(r._replace(start=s)),
            refusals=("unknown_subscriber",),
        )
        if done is not None and not isinstance(done[0], Problem):
            return
        world.pause(0, 1)
