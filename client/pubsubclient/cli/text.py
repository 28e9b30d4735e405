"""Text for people: lengths of time, tables, and foreign text that cannot disturb a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

__all__ = ["ago", "aligned", "columns_of", "counted", "one_line", "printable", "shortened", "time_of_day", "words"]

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def words(seconds: float | None) -> str:
    """Return a length of time in at most two units, ``1d 4h``; ``-`` for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f}s".replace(".0s", "s")
    left = round(seconds)
    parts: list[str] = []
    for unit, length in _UNITS:
        if left >= length and len(parts) < 2:
            parts.append(f"{left // length}{unit}")
            left %= length
        elif parts:
            break
    return " ".join(parts)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 event``, ``2 events``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def ago(time: datetime | None, now: datetime) -> str:
    """Return how long ago a time was, in words; ``-`` for None."""
    return "-" if time is None else words(max(timedelta(), now - time).total_seconds())


def time_of_day(time: datetime) -> str:
    """Return the local time to the millisecond, without the day."""
    return time.astimezone().strftime("%H:%M:%S.%f")[:-3]


def printable(text: str) -> str:
    """Return foreign text with every character that moves, hides or reorders others written as its code."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def one_line(text: str) -> str:
    """Return a text as one printable line."""
    return printable(" ".join(text.split()))


def shortened(text: str, width: int) -> str:
    """Return the beginning of a text that fits `width` columns, with an ellipsis if it was longer."""
    if columns_of(text) <= width:
        return text
    kept = ""
    for each in text:
        if columns_of(kept) + columns_of(each) >= width:
            break
        kept += each
    return f"{kept}…"


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table. Numbers are aligned to the right; where `width` is too small, a row takes several lines.

    A cell is a number if it begins with a digit.
    """
    table = [heads, *rows]
    widths = [max(columns_of(row[index]) for row in table) for index in range(len(heads))]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return _records(heads, rows)
    right = [
        bool(rows) and all(row[index][:1].isdigit() or row[index] == "-" for row in rows) for index in range(len(heads))
    ]
    return ["  ".join(map(_cell, row, widths, right)).rstrip() for row in table]


def _cell(text: str, width: int, right: bool) -> str:  # noqa: FBT001 - one of three columns of arguments
    space = " " * (width - columns_of(text))
    return space + text if right else text + space


def _records(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each cell, below the row's first, for narrow terminals."""
    widest = max(map(len, heads[1:]), default=0)
    lines = []
    for first, *others in rows:
        lines.append(first)
        lines += [f"  {head.ljust(widest)}  {cell}" for head, cell in zip(heads[1:], others, strict=True)]
    return lines
