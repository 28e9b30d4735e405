"""Rules for the names and values of CloudEvents attributes.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

__all__ = ["CONTROL", "MAX_NAME", "NAME", "are_times"]

#: characters of an attribute's name; the specification recommends at most 20 and leaves the limit to producers
MAX_NAME = 256
NAME = re.compile(rf"[a-z0-9]{{1,{MAX_NAME}}}")
#: control characters, which no string attribute may hold
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

_TIME = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?"
    r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def are_times(texts: Sequence[str]) -> bool:
    """Whether all texts are timestamps by RFC 3339."""
    if not all(map(_TIME.fullmatch, texts)):
        return False
    try:
        for day in {text[:10] for text in texts}:
            date.fromisoformat(day)  # rejects days that do not exist, such as 30 February
    except ValueError:
        return False
    return True
