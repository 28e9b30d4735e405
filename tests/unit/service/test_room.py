"""What a subscriber follows leaves room in its document for what is unsettled."""

from __future__ import annotations

import pytest

from pubsubservice.log.position import Position
from pubsubservice.subscribers.pattern_topics import bring_in, followed_logs, has_room
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import MAX_LOGS, MAX_STATE_BYTES, State

FAR = Position(10**11, 9_999, 10**14, 2**51)


def filled(name_length: int, partitions: int, filters: bytes, pattern: str) -> State:
    """As many topics as there is room for, each with events that were lost."""
    state = State.new("s")
    if pattern:
        state.subscriptions[pattern] = Subscription(state.new_number(), 600, filters=filters)
    while has_room(state, partitions):
        topic = f"{len(state.subscriptions):04d}" + "t" * (name_length - 4)
        subscription = bring_in(state, topic, pattern, [FAR] * partitions)
        subscription.filters = b"" if pattern else filters
        state.lost[topic] = 10**13
    return state


@pytest.mark.parametrize("name_length", [4, 255])
@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize("filters", [b"", b"f" * 16_384])
@pytest.mark.parametrize("pattern", ["", "*", "a." + "p" * 251 + ".*"])
def test_the_fullest_subscriptions_stay_short_of_the_bound(
    name_length: int, partitions: int, filters: bytes, pattern: str
) -> None:
    """Of the bytes at which new events stop, with long names, filters and patterns; a document holds 1,000,000."""
    state = filled(name_length, partitions, filters, pattern)
    assert len(bytes(state.fields()["state"])) < MAX_STATE_BYTES - 200_000  # type: ignore[arg-type]
    assert followed_logs(state) <= MAX_LOGS


def test_a_thousand_logs_fit() -> None:
    """Names of usual length are not what bounds them."""
    assert followed_logs(filled(60, 1, b"", "orders.>")) == MAX_LOGS
