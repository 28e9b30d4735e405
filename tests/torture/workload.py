"""What a run does: who publishes to which topics, and who consumes them, how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torture.payload import colour_of
from torture.times import ACK_DEADLINE_S, BACKOFF_S, BRIEF_S, KEPT_S

__all__ = ["PUBLISHERS", "SUBSCRIBERS", "TOPICS", "Subscribing", "TopicPlan", "is_kept", "is_wanted"]


class TopicPlan(NamedTuple):
    """A topic that is there from the beginning."""

    partitions: int
    retention_s: int


class Subscribing(NamedTuple):
    """A subscriber of the run: all its consumers share its events."""

    #: what it subscribes to: topics, or patterns
    topics: tuple[str, ...]
    #: how its consumers consume, one process each: "get_events", "pull", "events" or "threads"
    consumers: tuple[str, ...]
    #: pause before each call, seconds: a lazy subscriber lags behind the retention of brief topics
    lazy_s: float = 0.0
    #: further settings of its subscriptions
    settings: Mapping[str, Any] = {}
    #: whether its consumers fail with every poisonous event
    fails: bool = False

    def body(self, name: str, topic: str) -> dict[str, Any]:
        """The request that subscribes it."""
        # many attempts: of most subscribers no event is to die, however often its consumers are killed
        settings = {"ack_deadline_s": ACK_DEADLINE_S, "backoff_s": BACKOFF_S, "max_attempts": 100, **self.settings}
        return {"subscriber": name, "topic": topic, **settings}


TOPICS: dict[str, TopicPlan] = {
    "orders": TopicPlan(1, KEPT_S),
    "metrics": TopicPlan(8, KEPT_S),
    "audit": TopicPlan(1, KEPT_S),
    "brief": TopicPlan(2, BRIEF_S),
}

SUBSCRIBERS: dict[str, Subscribing] = {
    "archive": Subscribing(("orders", "metrics", "audit"), ("get_events", "pull", "events")),
    "billing": Subscribing(("orders", "metrics"), ("get_events", "pull")),
    "lazy": Subscribing(("brief",), ("get_events",), lazy_s=6.0),
    "picky": Subscribing(("metrics",), ("get_events", "events"), settings={"filters": [{"exact": {"type": "red"}}]}),
    "strict": Subscribing(("orders",), ("get_events", "pull"), settings={"ordered": True}),
    "watch": Subscribing(("logs.*",), ("pull", "threads")),
    "fragile": Subscribing(("audit",), ("get_events", "pull"), settings={"max_attempts": 3}, fails=True),
    "undertaker": Subscribing(("fragile.dead",), ("get_events",)),
}

#: publishers, and the topics that each publishes to in turn; those of ``logs`` are made by the first event
PUBLISHERS: dict[str, tuple[str, ...]] = {
    "shop": ("orders", "metrics", "brief", "logs.web"),
    "till": ("orders", "metrics", "audit", "logs.db"),
    "robot": ("metrics", "brief", "audit", "logs.web", "logs.cache"),
}


def is_kept(topic: str) -> bool:
    """Whether retention outlasts every lag in a topic, so that no subscriber may miss an event."""
    return topic != "brief"


def is_wanted(subscriber: str, topic: str, event_id: str) -> bool:
    """Whether a subscriber is to get an event."""
    if subscriber == "watch":
        return topic.startswith("logs.")
    return topic in SUBSCRIBERS[subscriber].topics and (subscriber != "picky" or colour_of(event_id) == "red")
