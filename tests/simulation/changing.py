"""Somebody who changes subscriptions in a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubsubservice.admin.subscriptions import Subscribe
from pubsubservice.subscribers.filters import compile_filters

from .publishing import COLOURS
from .scheduler import SECOND
from .times import DEADLINE_S

if TYPE_CHECKING:
    from .world import World

__all__ = ["change_subscriptions", "only", "subscription"]


def only(colour: str) -> bytes:
    """The filter that wants events of one colour, as it is stored."""
    found = compile_filters([{"exact": {"colour": colour}}])
    assert found is not None
    return found.packed


def subscription(world: World, name: str, topic: str) -> Subscribe:
    """A request to subscribe, with the settings of the seed."""
    return Subscribe(
        name,
        topic,
        settings={
            "ack_deadline_s": DEADLINE_S,
            "max_attempts": world.mix.max_attempts,
            "backoff_s": world.mix.backoff_s,
            "ordered": world.mix.ordered and topic == "A",
        },
        filters=only("red") if world.mix.filters and topic == "B" else b"",
        token=world.mint(),
    )


def change_subscriptions(world: World) -> None:
    """Somebody changes subscriptions now and then; its retries may come late."""
    refusals = ("unknown_subscriber",) if world.mix.removes else ()
    while True:
        world.pause(world.mix.change_s / 3, world.mix.change_s)
        if world.calm:
            return
        name = "W" if world.mix.patterns and world.chance(0.3) else "T"
        topic = world.random.choice(("A", "B")) if name == "T" else world.random.choice((">", "C.*", "A"))
        request = subscription(world, name, topic)
        choice = world.random.random()
        if choice < 0.3:
            world.truth.said.will_change(name, str(request.token), "unsubscribe", topic)
            world.call(
                lambda s, r=request: s.subscriptions.unsubscribe(r.subscriber, r.topic, r.token) or True,
                5,
                refusals=refusals,
            )
            continue
        if choice < 0.6:
            ago = world.store.now() - world.random.randint(0, 20) * SECOND
            request = request._replace(seek=world.random.choice(("earliest", "latest", ago)))
        elif world.mix.filters and topic == "B":
            request = request._replace(filters=only(world.random.choice(COLOURS)))
        world.truth.said.will_change(name, str(request.token), "seek" if request.seek else "subscribe", topic)
        world.call(lambda s, r=request: s.subscriptions.subscribe(r), 5, refusals=refusals)
