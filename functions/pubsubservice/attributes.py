"""What the values of CloudEvents attributes may be.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
"""

from __future__ import annotations

import re
from datetime import date

__all__ = ["CONTROL", "is_time"]

#: what a string may not hold
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def is_time(text: str) -> bool:
    """Whether it is a timestamp by RFC 3339."""
    if not _TIME.fullmatch(text):
        return False
    try:
        date.fromisoformat(text[:10])  # the 30th of February is none
    except ValueError:
        return False
    return True
