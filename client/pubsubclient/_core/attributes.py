"""Checks of the context attributes of events, and conversion of their times from and to text.

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

#: members that have arguments of their own in the SDK, or that publish sets
CORE = frozenset({"specversion", "id", "source", "type", "subject", "time", "data", "data_base64"})
#: members that the service adds to delivered events
ADDED = frozenset({"topic", "sequence", "recordedtime", "attempt"})
#: further attributes of the specification; strings that must not be empty
_STRINGS = frozenset({"datacontenttype", "dataschema"})

#: the most characters of an attribute's name; the specification recommends at most 20
_MAX_NAME = 256
#: an attribute's name
NAME = re.compile(rf"[a-z0-9]{{1,{_MAX_NAME}}}")
#: characters that attributes must not contain: control characters and lone surrogates
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)")


def check_text(name: str, value: object, *, may_be_empty: bool = False) -> str:
    """Return `value` if it is valid for the string attribute `name`. Raises InvalidArgument."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: expected a string; got {shown(value)}.")
    if not value and not may_be_empty:
        raise InvalidArgument(f"{name}: expected a string that is not empty.")
    if _FORBIDDEN.search(value):
        raise InvalidArgument(f"{name}: expected no control characters or lone surrogates; got {shown(value)}.")
    return value


def check_attributes(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Return a copy of extension attributes if the service accepts them. Raises InvalidArgument."""
    if not isinstance(attributes, Mapping):
        raise InvalidArgument(f"attributes: expected a mapping of names to values; got {shown(attributes)}.")
    for name, value in attributes.items():
        where = f"attributes[{shown(name)}]"
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InvalidArgument(f"{where}: expected a name of 1 to {_MAX_NAME} characters of a-z 0-9.")
        if name in CORE:
            raise InvalidArgument(f"{where}: use the argument of that name; publish sets source and specversion.")
        if name in ADDED:
            raise InvalidArgument(f"{where}: only the service sets this attribute.")
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
    """Return a time as RFC 3339 text; for None, the present time in UTC. Raises InvalidArgument."""
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
    """Return the present time as text. The text up to the second is cached, because many events are made in one second."""
    global _second
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    known, text = _second
    if seconds != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = seconds, text
    return f"{text}.{microseconds:06d}Z"


#: the last second used, since 1970, and its text
_second = (-1, "")


def parse_time(text: Any) -> datetime:
    """Parse RFC 3339 text, to the microsecond; a leap second counts as the second before it.

    Raises InvalidArgument.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise InvalidArgument(f"time: expected RFC 3339, such as 2026-01-31T12:00:00Z; got {shown(text)}.")
    date, minute, second, fraction, zone = found.groups()
    # Python 3.10's fromisoformat reads neither Z nor fractions of other than 3 or 6 digits
    iso = f"{date}T{minute}:{min(int(second), 59):02d}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone in 'Zz' else zone}"
    try:
        return datetime.fromisoformat(iso)
    except ValueError as e:
        raise InvalidArgument(f"time: expected a time that exists; got {shown(text)}: {e}.") from None
