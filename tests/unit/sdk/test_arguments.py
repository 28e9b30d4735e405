"""What is checked once, for all arguments: numbers, times, flags and texts."""

from __future__ import annotations

import math
import os
import threading
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pubsubclient import InvalidArgument
from pubsubclient._core.arguments import check_count, check_flag, check_seconds, check_whole_seconds, clean, shown

NO_NUMBERS: list[Any] = [None, "3", b"3", True, [], {}, object, math.nan, Decimal(3), 1j]


class _Silent:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, timedelta(seconds=3), 2.5, 0, 11, math.inf, -math.inf, 10**5_000], ids=shown
)
def test_what_is_no_count_is_refused(value: Any) -> None:
    """With what was expected, and what came."""
    with pytest.raises(InvalidArgument, match=r"many: expected 1 to 10, an integer; got .+\."):
        check_count("many", value, 1, 10)


@pytest.mark.parametrize("value", [3, 3.0, Fraction(3)])
def test_a_count_is_a_number_without_a_fraction(value: Any) -> None:
    """Of any type that is one."""
    count = check_count("many", value, 1)
    assert (count, type(count)) == (3, int)


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, -1, 601, math.inf, 10**5_000, Fraction(10**400), timedelta(days=1)], ids=shown
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    """With what was expected, and what came."""
    with pytest.raises(InvalidArgument, match=r"wait: expected 0 to 600 seconds, a number or a timedelta; got .+\."):
        check_seconds("wait", value, 0, 600)


def test_a_time_is_a_number_of_seconds_or_a_timedelta() -> None:
    """A whole number stays one, on the wire too."""
    assert [check_seconds("wait", value) for value in (0, 1.5, timedelta(milliseconds=1), Fraction(1, 2))] == [
        0,
        1.5,
        0.001,
        0.5,
    ]
    assert type(check_seconds("wait", 2.0)) is int
    assert [check_whole_seconds("lease", value, 1) for value in (1, 1.2, timedelta(minutes=1))] == [1, 2, 60]


def test_a_time_without_a_limit_is_one_that_a_thread_can_wait_for() -> None:
    """Infinity included."""
    for value in (math.inf, 10**400, timedelta.max):
        seconds = check_seconds("wait", value)
        assert 0 < seconds <= threading.TIMEOUT_MAX


@pytest.mark.parametrize("value", [None, 0, 1, "no", []])
def test_a_flag_is_true_or_false(value: Any) -> None:
    """What Python would take for one of them is refused: "no" would be true."""
    assert (check_flag("dead", True), check_flag("dead", False)) == (True, False)
    with pytest.raises(InvalidArgument, match=r"dead: expected True or False; got .+\."):
        check_flag("dead", value)


def test_a_text_is_cleaned_of_what_utf_8_cannot_carry() -> None:
    """Names of files have it; all else stays, a pair of halves becomes the character that it stands for."""
    assert clean("reason", "cannot read " + os.fsdecode(b"caf\xe9.txt")) == "cannot read caf\ufffd.txt"
    assert clean("reason", "\ud83d\ude00 \U0001f600 é\x00") == "\U0001f600 \U0001f600 é\x00"
    with pytest.raises(InvalidArgument, match=r"reason: expected a string; got b'x'\."):
        clean("reason", b"x")


def test_errors_show_values_that_cannot_be_shown() -> None:
    """Too long, or with a repr that fails."""
    assert len(shown("x" * 10_000)) < 100
    assert len(shown({"x" * 100: ["y" * 100] * 100})) < 1_000
    assert "int" in shown(10**5_000) or "1" in shown(10**5_000)
    assert "_Silent" in shown(_Silent())
