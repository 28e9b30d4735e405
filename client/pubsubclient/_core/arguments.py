"""What the arguments of this package are checked by: numbers, times, flags and texts. Each raises InvalidArgument alone.

One rule holds for all: where seconds are expected, a `datetime.timedelta` will do; a boolean is no number.
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

#: how long something takes: a number of seconds, or a timedelta
Seconds = float | timedelta

#: where no limit is documented, a longer time counts as this: no thread can wait for longer
_LONGEST_S = threading.TIMEOUT_MAX

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def shown(value: object) -> str:
    """A value as an error shows it: short, and whatever its own `repr` does."""
    try:
        return _repr.repr(value)
    except Exception:  # noqa: BLE001 - integers of thousands of digits have none, and foreign objects may do anything
        return f"<{type(value).__name__}>"


def check_count(name: str, value: object, low: int, high: int | None = None) -> int:
    """The integer that was given as the argument `name`; one that fits a float, such as 3.0, will do."""
    number = _number(value)
    if number is None or number != number // 1 or number < low or (high is not None and number > high):
        expected = f"an integer from {low}" if high is None else f"{low} to {high}, an integer"
        raise InvalidArgument(f"{name}: expected {expected}; got {shown(value)}.")
    return int(number)


def check_seconds(name: str, value: object, low: float = 0, high: float | None = None) -> float:
    """The time, in seconds, that was given as the argument `name`."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else _number(value)
    if seconds is None or seconds < low or (high is not None and seconds > high):
        expected = f"seconds from {low}" if high is None else f"{low} to {high} seconds"
        raise InvalidArgument(f"{name}: expected {expected}, a number or a timedelta; got {shown(value)}.")
    return min(seconds, _LONGEST_S)


def check_whole_seconds(name: str, value: object, low: int, high: int | None = None) -> int:
    """The time, in whole seconds, that was given as the argument `name`: what is less than a second is rounded up."""
    return math.ceil(check_seconds(name, value, low, high))


def check_flag(name: str, value: object) -> bool:
    """The boolean that was given as the argument `name`: a text such as "no" would count as true."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}: expected True or False; got {shown(value)}.")
    return value


def clean(name: str, value: object) -> str:
    """The text that was given as the argument `name`, as UTF-8 can carry it: U+FFFD stands for halves of surrogate pairs.

    `os.listdir`, `sys.argv` and the like have such halves for bytes that are not UTF-8.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: expected a string; got {shown(value)}.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unpicklable(thing: object) -> InvalidArgument:
    """The refusal to pickle or copy what holds connections."""
    return InvalidArgument(
        f"{thing!r} cannot be pickled or copied: its connections, and what it has in hand, belong to this process. "
        "Pass its name, and make another one of that name where it is needed."
    )


def _number(value: object) -> float | None:
    """A number of any type, as the int or float that it is; None for what is none, and for NaN."""
    if not isinstance(value, Real) or isinstance(value, bool) or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return None
    if isinstance(value, int):
        return int(value)
    try:
        number = float(value)
    except OverflowError:  # a fraction of enormous integers
        return None
    return int(number) if number.is_integer() else number
