"""Tokens: what is remembered of those that ended, and for how long."""

from __future__ import annotations

import pytest

from pubsubservice.core.problems import BadRequest
from pubsubservice.subscribers.tokens import Ended, check_not_ahead, check_token, make_token


@pytest.mark.parametrize(
    "token", ["", "1", "-a", "1-", "x-1", "1-a-b", "1 -a", "1" * 19 + "-a", "1-" + "a" * 65, "1-ä"]
)
def test_a_malformed_token_is_refused(token: str) -> None:
    """The problem says how a token is made."""
    with pytest.raises(BadRequest, match="hyphen") as caught:
        check_token(token, "lease")
    assert caught.value.code == "invalid_token"


def test_a_token_may_be_two_seconds_ahead_and_no_more() -> None:
    """Two seconds allow for a client's estimate; further ahead it would outlive what is remembered."""
    check_not_ahead("3000000-a", 1_000_000)
    with pytest.raises(BadRequest, match="more than 2 s ahead"):
        check_not_ahead("3000001-a", 1_000_000)


def test_a_made_token_is_well_formed() -> None:
    """The service's own tokens pass its own check."""
    assert check_token(make_token(1, 0.0), "lease") == "1-00000000000000"


def test_the_oldest_ended_token_is_dropped_and_still_counts_as_used() -> None:
    """The floor stands for all that was dropped."""
    ended = Ended(b"", 0)
    for time in (30, 10, 40, 20):
        ended.add(f"{time}-a", Ended.SETTLED, cap=3)
    assert [ended.how(f"{time}-a") for time in (10, 20, 30, 40)] == [None, *[Ended.SETTLED] * 3]
    assert ended.floor == 10
    assert ended.used("10-a")
    assert ended.used("5-never-seen".replace("-never-seen", "-b"))
    assert not ended.used("11-b")
    assert len(ended.packed) == 3 * Ended.SIZE


def test_a_late_ending_becomes_settled_or_taken_and_nothing_else_changes() -> None:
    """What its client settled stays settled."""
    ended = Ended(b"", 0)
    for first, then, result in (
        (Ended.LATE, Ended.TAKEN, Ended.TAKEN),
        (Ended.LATE, Ended.SETTLED, Ended.SETTLED),
        (Ended.SETTLED, Ended.TAKEN, Ended.SETTLED),
        (Ended.TAKEN, Ended.LATE, Ended.TAKEN),
    ):
        token = f"7-{first.decode()}{then.decode()}"
        ended.add(token, first, cap=9)
        ended.add(token, then, cap=9)
        assert ended.how(token) == result
