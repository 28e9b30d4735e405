"""Converts RFC 3339 timestamps to and from integer microseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timezone

__all__ = ["parse_rfc3339", "rfc3339"]

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


def parse_rfc3339(text: str) -> int | None:
    """Return the time of an RFC 3339 timestamp, µs since 1970 in UTC; None if the text is not one.

    Digits below a microsecond are cut off. A leap second (:60) counts as the first second of the next minute.
    """
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return None
    minute, second, fraction, sign, hours, minutes = found.groups(default="0")
    try:
        moment = datetime.fromisoformat(f"{minute.upper()}:00+00:00")
    except ValueError:  # a day or an hour that does not exist
        return None
    offset_s = (3600 * int(hours) + 60 * int(minutes)) * (-1 if sign == "-" else 1)
    return (round(moment.timestamp()) + int(second) - offset_s) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def rfc3339(time_us: int) -> str:
    """Return a store time (µs since 1970) as an RFC 3339 timestamp in UTC, with six decimals."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, timezone.utc)
    return f"{moment.isoformat()[:19]}.{time_us % 1_000_000:06d}Z"
