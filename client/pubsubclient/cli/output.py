"""What a command writes: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import click

from pubsubclient.cli.failures import ReaderHasGone
from pubsubclient.cli.text import aligned, printable

__all__ = ["Output"]

#: a progress line is written again after this long, seconds
_PROGRESS_EVERY_S = 0.2


class Output:
    """The two streams of a command.

    Attributes:
        json: whether data is JSON: one object, or one object a line where a command has many
        quiet: whether notes and progress are left out
        color: ``auto`` (a terminal, and no NO_COLOR), ``always`` or ``never``
    """

    def __init__(self) -> None:
        self.json = False
        self.quiet = False
        self.color = "auto"
        self._progressed_at = 0.0
        self._shows_progress = False
        self._lock = threading.Lock()

    def line(self, text: str = "") -> None:
        """Write a line of data for people; its foreign parts are printable already."""
        self.clear_progress()
        self._write(sys.stdout, text)

    def raw(self, text: str) -> None:
        """Write foreign text as it is, but to a terminal only what is printable."""
        self.line(printable(text) if sys.stdout.isatty() else text)

    def record(self, value: object) -> None:
        """Write one JSON object as a line of data."""
        self.clear_progress()
        text = json.dumps(value, ensure_ascii=False)
        # JSON has no line ends between its strings; in them, what could disturb a terminal is escaped
        self._write(sys.stdout, text if text.isprintable() or not sys.stdout.isatty() else json.dumps(value))

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table for people."""
        lines = aligned(heads, rows, self.width)
        if lines and lines[0].startswith(heads[0]):
            self.line(self.style(lines.pop(0), bold=True))
        for line in lines:
            self.line(line)

    def note(self, text: str) -> None:
        """Write a line on stderr about what was done, unless the command is quiet."""
        if not self.quiet and not self.json:
            self.clear_progress()
            self._write(sys.stderr, text)

    def progress(self, text: str) -> None:
        """Replace the progress line, if stderr is a terminal."""
        if (
            self.quiet
            or self.json
            or not sys.stderr.isatty()
            or time.monotonic() < self._progressed_at + _PROGRESS_EVERY_S
        ):
            return
        with self._lock:
            self._progressed_at = time.monotonic()
            self._shows_progress = True
            sys.stderr.write(f"\r\x1b[K{text[: self.width - 1]}")
            sys.stderr.flush()

    def clear_progress(self) -> None:
        """Remove the progress line."""
        with self._lock:
            if self._shows_progress:
                sys.stderr.write("\r\x1b[K")
                self._shows_progress = False

    def style(self, text: str, **style: Any) -> str:
        """Return the text in a colour or weight, where colours are wanted."""
        wanted = self.color == "always" or (
            self.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        )
        return click.style(text, **style) if wanted else text

    @property
    def width(self) -> int:
        """The columns of the terminal; unlimited if stdout is none."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else sys.maxsize

    def _write(self, stream: Any, text: str) -> None:
        """Write a line. What a terminal that is not UTF-8 cannot show, and lone surrogates, become question marks."""
        encoding = stream.encoding or "utf-8"
        with self._lock:
            try:
                stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
                stream.flush()
            except BrokenPipeError:
                raise ReaderHasGone from None
