"""Topics that a subscriber follows through patterns.

A subscription by name takes precedence over patterns, and the most specific pattern over others. A topic that is followed
through a pattern has a subscription of its own in the state, with the pattern in `via`: so each event is delivered once,
however many patterns match, and the topic keeps its position when patterns are added or removed.
"""

from __future__ import annotations

from pubsubservice.core.patterns import is_pattern, most_specific
from pubsubservice.log.position import Position
from pubsubservice.subscribers.leases import forget_subscription
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import State

__all__ = [
    "MAX_SUBSCRIPTION_BYTES", "bring_in", "drop_topics", "followed_logs", "has_room", "leave_pattern",
    "leave_topic", "pattern_of", "patterns", "reroute",
]  # fmt: skip

#: bytes of subscriptions in a document, as `has_room` estimates them: the rest up to 900,000 is for unsettled events
MAX_SUBSCRIPTION_BYTES = 600_000


def patterns(state: State) -> list[str]:
    """Return the patterns that a subscriber has subscribed to."""
    return [name for name in state.subscriptions if is_pattern(name)]


def followed_logs(state: State) -> int:
    """Count the logs that a subscriber follows; a topic that does not exist yet counts as one."""
    return sum(max(1, len(s.positions)) for name, s in state.subscriptions.items() if not is_pattern(name))


def has_room(state: State, logs: int = 0) -> bool:
    """Whether the subscriptions, with `logs` more logs, leave room in the document for unsettled events."""
    if followed_logs(state) + logs > state.max_logs:
        return False
    size = 0
    for topic, subscription in state.subscriptions.items():
        # the name is stored twice, as it is also the key of `lost`; a position is four integers, a start is one
        size += 2 * len(topic) + len(subscription.via) + len(subscription.dead_letter_topic) + len(subscription.filters)
        size += 64 + 45 * len(subscription.positions)
    return size <= MAX_SUBSCRIPTION_BYTES


def pattern_of(state: State, topic: str) -> str | None:
    """Return the most specific pattern that matches a topic. Callers exclude dead-letter topics, which no pattern follows."""
    return most_specific(patterns(state), topic)


def bring_in(state: State, topic: str, pattern: str, positions: list[Position]) -> Subscription:
    """Add the subscription of a topic that is followed through a pattern."""
    subscription = Subscription(state.new_number(), 0, positions, via=pattern)
    subscription.starts = [position.index for position in positions]
    state.subscriptions[topic] = subscription
    return subscription


def reroute(state: State) -> None:
    """Assign topics to their patterns anew, after a pattern was added or removed; topics that no pattern matches are left."""
    for topic, subscription in list(state.subscriptions.items()):
        if subscription.via:
            subscription.via = pattern_of(state, topic) or ""
            if not subscription.via:
                _forget(state, topic)


def leave_topic(state: State, topic: str, *, dead_letters: bool) -> None:
    """End a subscription by name and drop its leased and due events; a matching pattern continues at its position.

    Args:
        dead_letters: whether the topic is a dead-letter topic, which no pattern follows
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
    else:  # the topic did not exist at the last read; reading the registry again finds it once it does
        _forget(state, topic)
        state.registry = Position()


def leave_pattern(state: State, pattern: str) -> None:
    """End a subscription to a pattern; its topics pass to other matching patterns, or are left."""
    del state.subscriptions[pattern]
    reroute(state)
    if not patterns(state):
        state.registry = Position()


def drop_topics(state: State, pattern: str) -> None:
    """Leave the topics followed through a pattern; they are found again, as the registry is read from its beginning."""
    for topic in [topic for topic, subscription in state.subscriptions.items() if subscription.via == pattern]:
        forget_subscription(state, state.subscriptions[topic].number)
        del state.subscriptions[topic]
    state.registry = Position()


def _forget(state: State, topic: str) -> None:
    forget_subscription(state, state.subscriptions[topic].number)
    del state.subscriptions[topic]
    state.lost.pop(topic, None)
