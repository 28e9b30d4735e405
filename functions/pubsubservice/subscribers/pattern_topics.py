"""Which of a subscriber's subscriptions a topic comes through: the one by its name, else the most specific pattern.

A topic that a pattern brought in has a subscription of its own in the state, `via` that pattern: so an event comes once,
whatever patterns match it, and keeps its place when patterns come and go.
"""

from __future__ import annotations

from pubsubservice.core.patterns import is_pattern, most_specific
from pubsubservice.log.position import Position
from pubsubservice.subscribers.leases import forget_subscription
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import State

__all__ = [
    "MAX_LOGS", "MAX_SUBSCRIPTION_BYTES", "bring_in", "drop_topics", "followed_logs", "has_room", "leave_pattern",
    "leave_topic", "pattern_of", "patterns", "reroute",
]  # fmt: skip

#: logs that a subscriber follows at most
MAX_LOGS = 1_000
#: bytes of subscriptions in a document, as `has_room` counts them: short of the 900,000 at which new events stop
MAX_SUBSCRIPTION_BYTES = 600_000


def patterns(state: State) -> list[str]:
    """The patterns that a subscriber has subscribed to."""
    return [name for name in state.subscriptions if is_pattern(name)]


def followed_logs(state: State) -> int:
    """The logs that a subscriber follows; a topic that is not met yet counts as one."""
    return sum(max(1, len(s.positions)) for name, s in state.subscriptions.items() if not is_pattern(name))


def has_room(state: State, logs: int = 0) -> bool:
    """Whether what a subscriber follows, with so many logs more, leaves room in its document for what is unsettled."""
    if followed_logs(state) + logs > MAX_LOGS:
        return False
    size = 0
    for topic, subscription in state.subscriptions.items():
        # its name is also where lost events are counted; a position is four integers, and a start one
        size += 2 * len(topic) + len(subscription.via) + len(subscription.dead_letter_topic) + len(subscription.filters)
        size += 64 + 45 * len(subscription.positions)
    return size <= MAX_SUBSCRIPTION_BYTES


def pattern_of(state: State, topic: str) -> str | None:
    """The pattern that a topic, if it is none for dead letters, comes through unless it is subscribed to by name."""
    return most_specific(patterns(state), topic)


def bring_in(state: State, topic: str, pattern: str, positions: list[Position]) -> Subscription:
    """Follow a topic through a pattern."""
    subscription = Subscription(state.new_number(), 0, positions, via=pattern)
    subscription.starts = [position.index for position in positions]
    state.subscriptions[topic] = subscription
    return subscription


def reroute(state: State) -> None:
    """After a pattern has come or gone: topics change to the pattern that is now theirs, in place, or are left."""
    for topic, subscription in list(state.subscriptions.items()):
        if subscription.via:
            subscription.via = pattern_of(state, topic) or ""
            if not subscription.via:
                _forget(state, topic)


def leave_topic(state: State, topic: str, *, dead_letters: bool) -> None:
    """End a subscription by name, and forget what is leased or due of it; a pattern that matches goes on from its place.

    Args:
        dead_letters: it is a topic for dead letters, which no pattern follows
    """
    subscription = state.subscriptions[topic]
    forget_subscription(state, subscription.number)
    pattern = None if dead_letters else pattern_of(state, topic)
    if pattern is None:
        _forget(state, topic)
    elif subscription.positions:
        state.subscriptions[topic] = Subscription(
            state.new_number(), 0, subscription.positions, via=pattern, starts=subscription.starts
        )
    else:  # it did not exist yet when it was last looked for; the registry tells from when on it does
        _forget(state, topic)
        state.registry = Position()


def leave_pattern(state: State, pattern: str) -> None:
    """End a subscription to a pattern: its topics come through another one that matches, or are left."""
    del state.subscriptions[pattern]
    reroute(state)
    if not patterns(state):
        state.registry = Position()


def drop_topics(state: State, pattern: str) -> None:
    """Leave the topics that a pattern brought in; the registry is read again from its beginning, and brings them again."""
    for topic in [topic for topic, subscription in state.subscriptions.items() if subscription.via == pattern]:
        forget_subscription(state, state.subscriptions[topic].number)
        del state.subscriptions[topic]
    state.registry = Position()


def _forget(state: State, topic: str) -> None:
    forget_subscription(state, state.subscriptions[topic].number)
    del state.subscriptions[topic]
    state.lost.pop(topic, None)
