"""What a run does: who publishes to which topics, and who consumes them, how."""

from __future__ import annotations

from typing import NamedTuple

from torture.times import BRIEF_S, KEPT_S

__all__ = ["PUBLISHERS", "SUBSCRIBERS", "TOPICS", "Subscribing", "TopicPlan"]


class TopicPlan(NamedTuple):
    """A topic of the run."""

    partitions: int
    retention_s: int
    #: whether retention outlasts every lag, so that no subscriber may miss an event
    kept: bool = True


class Subscribing(NamedTuple):
    """A subscriber of the run: all its consumers share its events."""

    topics: tuple[str, ...]
    #: how its consumers consume, one process each: "get_events", "pull" or "events"
    consumers: tuple[str, ...]
    #: pause before each call, seconds: a lazy subscriber lags behind the retention of brief topics
    lazy_s: float = 0.0


TOPICS: dict[str, TopicPlan] = {
    "orders": TopicPlan(1, KEPT_S),
    "metrics": TopicPlan(8, KEPT_S),
    "audit": TopicPlan(1, KEPT_S),
    "brief": TopicPlan(2, BRIEF_S, kept=False),
}

SUBSCRIBERS: dict[str, Subscribing] = {
    "archive": Subscribing(("orders", "metrics", "audit"), ("get_events", "pull", "events")),
    "billing": Subscribing(("orders", "metrics"), ("get_events", "pull")),
    "live": Subscribing(("metrics", "audit"), ("events",)),
    "lazy": Subscribing(("brief",), ("get_events",), lazy_s=6.0),
}

#: publishers, and the topics that each publishes to in turn
PUBLISHERS: dict[str, tuple[str, ...]] = {
    "shop": ("orders", "metrics", "brief"),
    "till": ("orders", "metrics", "audit"),
    "robot": ("metrics", "brief", "audit"),
}
