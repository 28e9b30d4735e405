"""Checks of arguments: numbers, times, flags and texts. They raise InvalidArgument and nothing else.

Wherever seconds are expected, a `datetime.timedelta` is accepted too. A boolean is not accepted as a number.
"""

from __future__ import annotations

import math
import reprlib
import threading
from datetime import timedelta
from numbers import Real

from pubsubclient._core.errors import InvalidArgument

__all__ = [
    "Seconds",
    "check_count",
    "check_flag",
    "check_seconds",
    "check_whole_seconds",
    "clean",
    "shown",
    "unpicklable",
]

#: a length of time: a number of seconds, or a timedelta
Seconds = float | timedelta

#: longer times without a documented limit are reduced to this, the longest that a thread can wait
_LONGEST_S = threading.TIMEOUT_MAX

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def shown(value: object) -> str:
    """Return a short repr of a value, for an error message. Never raises, whatever the value's own `repr` does."""
    try:
        return _repr.repr(value)
    except Exception:  # noqa: BLE001 - repr fails for very long integers, and foreign objects may raise anything
        return f"<{type(value).__name__}>"


def check_count(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return the argument `name` as an int; a float with an integer value, such as 3.0, is accepted."""
    number = _number(value)
    if number is None or number != number // 1 or number < low or (high is not None and number > high):
        expected = f"an integer from {low}" if high is None else f"{low} to {high}, an integer"
        raise InvalidArgument(f"{name}: expected {expected}; got {shown(value)}.")
    return int(number)


def check_seconds(name: str, value: object, low: float = 0, high: float | None = None) -> float:
    """Return the argument `name`, a time, as seconds."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else _number(value)
    if seconds is None or seconds < low or (high is not None and seconds > high):
        expected = f"seconds from {low}" if high is None else f"{low} to {high} seconds"
        raise InvalidArgument(f"{name}: expected {expected}, a number or a timedelta; got {shown(value)}.")
    return min(seconds, _LONGEST_S)


def check_whole_seconds(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return the argument `name`, a time, as whole seconds, rounded up."""
    return math.ceil(check_seconds(name, value, low, high))


def check_flag(name: str, value: object) -> bool:
    """Return the argument `name`, a bool. Other types are refused, because a text such as "no" would count as true."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}: expected True or False; got {shown(value)}.")
    return value


def clean(name: str, value: object) -> str:
    """Return the argument `name`, a text, with lone surrogates, which UTF-8 cannot encode, replaced by U+FFFD.

    `os.listdir`, `sys.argv` and the like contain lone surrogates for bytes that are not UTF-8.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: expected a string; got {shown(value)}.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unpicklable(thing: object) -> InvalidArgument:
    """Return the error for an attempt to pickle or copy an object that holds connections."""
    return InvalidArgument(
        f"{thing!r} cannot be pickled or copied: its connections and the events that it holds belong to this process. "
        "Pass its name, and make another object of that name where you need it."
    )


def _number(value: object) -> float | None:
    """Return a number of any type as an int or float; None for NaN and for anything else."""
    if not isinstance(value, Real) or isinstance(value, bool) or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return None
    if isinstance(value, int):
        return int(value)
    try:
        number = float(value)
    except OverflowError:  # for instance a Fraction of enormous integers
        return None
    return int(number) if number.is_integer() else number
