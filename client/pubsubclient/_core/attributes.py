"""The context attributes of events: what they may be, and times as text.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#context-attributes
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pubsubclient._core.arguments import shown
from pubsubclient._core.errors import InvalidArgument

__all__ = ["ADDED", "CORE", "NAME", "Attribute", "check_attributes", "check_text", "check_time", "parse_time"]

#: a value of an extension attribute; an int fits 32 bits
Attribute = str | bool | int

#: what every event has, and the SDK has arguments for
CORE = frozenset({"specversion", "id", "source", "type", "subject", "time", "data", "data_base64"})
#: what the service adds to the events that it delivers
ADDED = frozenset({"topic", "sequence", "recordedtime", "attempt"})
#: attributes of the specification that have no argument of their own, and are never empty
_STRINGS = frozenset({"datacontenttype", "dataschema"})

#: characters of an attribute's name; the specification recommends 20 at most
_MAX_NAME = 256
#: an attribute's name
NAME = re.compile(rf"[a-z0-9]{{1,{_MAX_NAME}}}")
#: what no attribute may hold: control characters, and halves of surrogate pairs
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)")


def check_text(name: str, value: object, *, may_be_empty: bool = False) -> str:
    """Return `value` if it may be the string attribute `name`. Raises InvalidArgument."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: expected a string; got {shown(value)}.")
    if not value and not may_be_empty:
        raise InvalidArgument(f"{name}: expected a string that is not empty.")
    if _FORBIDDEN.search(value):
        raise InvalidArgument(f"{name}: a control character or a lone surrogate is in {shown(value)}.")
    return value


def check_attributes(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Return further attributes if the service would take them. Raises InvalidArgument."""
    if not isinstance(attributes, Mapping):
        raise InvalidArgument(f"attributes: expected a mapping of names to values; got {shown(attributes)}.")
    for name, value in attributes.items():
        where = f"attributes[{shown(name)}]"
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InvalidArgument(f"{where}: an attribute's name has 1 to {_MAX_NAME} characters of a-z 0-9.")
        if name in CORE:
            raise InvalidArgument(f"{where} has an argument of its own, or is set by publish.")
        if name in ADDED:
            raise InvalidArgument(f"{where} is set by the service alone.")
        if name in _STRINGS:
            check_text(where, value)
        elif isinstance(value, str):
            check_text(where, value, may_be_empty=True)
        elif not isinstance(value, int):
            raise InvalidArgument(f"{where}: expected a string, a boolean or an integer; got {shown(value)}.")
        elif not -(2**31) <= value < 2**31:
            raise InvalidArgument(f"{where}: expected an integer that fits 32 bits; got {shown(value)}.")
    return dict(attributes)


def check_time(value: datetime | str | None) -> str:
    """A time as text (RFC 3339); now, in UTC, for None. Raises InvalidArgument."""
    if value is None:
        return _now()
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidArgument(f"time: expected a datetime with a time zone; got {shown(value)}.")
        try:
            return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
        except OverflowError as e:
            raise InvalidArgument(f"time: expected a year from 1 to 9999 in UTC; got {shown(value)}.") from e
    parse_time(value)
    return value


def _now() -> str:
    """The time as text. Many events are made in a second, whose text they share."""
    global _second
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    known, text = _second
    if seconds != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = seconds, text
    return f"{text}.{microseconds:06d}Z"


#: seconds since 1970, and what they are as text
_second = (-1, "")


def parse_time(text: Any) -> datetime:
    """A time from text (RFC 3339), to the microsecond; a leap second counts as the one before it.

    Raises InvalidArgument.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise InvalidArgument(f"time: expected RFC 3339, such as 2026-01-31T12:00:00Z; got {shown(text)}.")
    date, minute, second, fraction, zone = found.groups()
    # what fromisoformat reads in every supported Python: 3.10 knows neither Z nor other fractions
    iso = f"{date}T{minute}:{min(int(second), 59):02d}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone in 'Zz' else zone}"
    try:
        return datetime.fromisoformat(iso)
    except ValueError as e:
        raise InvalidArgument(f"time: {shown(text)} is no time: {e}.") from None
