"""Times as RFC 3339 writes them, to and from microseconds."""

from __future__ import annotations

import re
from datetime import datetime, timezone

__all__ = ["parse_rfc3339", "rfc3339"]

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


def parse_rfc3339(text: str) -> int | None:
    """The time that a text has by RFC 3339, µs since 1970 in UTC, less what is below a microsecond; None if it has none."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    minute, second, fraction, ahead, hours, minutes = found.groups(default="0")
    try:
        moment = datetime.fromisoformat(f"{minute.upper()}:00+00:00")
    except ValueError:
        return None
    offset_s = (3600 * int(hours) + 60 * int(minutes)) * (-1 if ahead == "-" else 1)
    return (round(moment.timestamp()) + int(second) - offset_s) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def rfc3339(time_us: int) -> str:
    """A store time as CloudEvents and JSON carry it, in UTC with microseconds."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, timezone.utc)
    return f"{moment.isoformat()[:19]}.{time_us % 1_000_000:06d}Z"
