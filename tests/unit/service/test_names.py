"""Times and positions as requests have them."""

from __future__ import annotations

import pytest

from pubsubservice.core.times import parse_rfc3339, rfc3339

MINUTE = 60 * 1_000_000


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:01:00z", MINUTE),
        ("1970-01-01T01:01:00+01:00", MINUTE),
        ("1969-12-31T23:31:00-00:30", MINUTE),
        ("1970-01-01T00:00:60Z", MINUTE),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.000001999Z", 1),
        ("2026-11-24T09:30:00.123456Z", 1_795_512_600_123_456),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
    ],
)
def test_a_time_is_read_to_the_microsecond(text: str, time_us: int) -> None:
    """In any zone, with a leap second, and less what is too fine."""
    assert parse_rfc3339(text) == time_us


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-24", "2026-11-24T09:30Z", "2026-11-24T09:30:00", "2026-11-24 09:30:00Z", "2026-02-29T00:00:00Z",
     "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
     "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+24:00", "٢٠٢٦-01-01T00:00:00Z",
     "2026-01-01T00:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    """The form is RFC 3339's, and the day is in the calendar."""
    assert parse_rfc3339(text) is None


def test_a_time_that_was_written_is_read_back() -> None:
    """To the microsecond."""
    for time_us in (1, 1_795_512_600_123_456, 253_402_300_799_999_999):
        assert parse_rfc3339(rfc3339(time_us)) == time_us
