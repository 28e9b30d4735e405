"""Makes what a seed file asks for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from pubsubclient import Publisher, Service, Subscriber, Topic
from pubsubclient._http.transport import Transport
from pubsubclient.cli.reads import state
from pubsubclient.cli.seed_file import Plan

__all__ = ["run"]


def run(plan: Plan, service: Service, progress: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Make topics, subscriptions and events; returns how many of each.

    Names and settings may be there already. Events are published only in topics that had none, so that a second run adds
    nothing. Raises PubSubError.
    """
    transport = Transport.to(service)
    empty = set()
    for name in dict.fromkeys([*plan.topics, *(event.topic for _, event in plan.events)]):
        progress(f"topic {name}")
        settings = plan.topics.get(name, {})
        if any(value is not None for value in settings.values()):
            Topic(name, **settings, service=service)
        else:
            transport.register({"topic": name})
        if not _had_events(transport, name):
            empty.add(name)
    for name, subscriptions in plan.subscribers.items():
        progress(f"subscriber {name}")
        subscriber = Subscriber(name, service=service)
        for each in subscriptions:
            subscriber.subscribe(**each)
    published = 0
    for name, group in groupby(plan.events, lambda pair: pair[0]):
        events = [event for _, event in group if event.topic in empty]
        progress(f"{published + len(events)} of {len(plan.events)} events")
        if events:
            published += len(Publisher(name, service=service).publish(events))
    return {**plan.counts(), "events": published}


def _had_events(transport: Transport, topic: str) -> bool:
    """Whether a topic had events. One of more than 100 partitions does not say, and counts as one that had some."""
    logs = state(transport, "topic", topic).get("logs")
    return logs is None or any(int(log["next"].rpartition("-")[2]) for log in logs)
