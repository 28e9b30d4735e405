"""How far it is: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time

__all__ = ["Progress"]

_MAX_WIDTH = 40
#: columns of a terminal that does not tell
_COLUMNS = 80
_REDRAW_S = 0.1
#: plain lines: one for each such part
_PARTS = 5


class Progress:
    """Progress towards `total` steps, on stderr."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._bar = sys.stderr.isatty()
        self._began = time.monotonic()
        self._drawn = 0.0
        self._parts = 0

    def advance(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        now = time.monotonic()
        complete = self._done >= self._total
        if self._bar:
            if now - self._drawn >= _REDRAW_S or complete:
                self._drawn = now
                self._write(f"\r{self._line(now)}{chr(10) if complete else ''}")
        elif self._done * _PARTS // self._total > self._parts:
            self._parts = self._done * _PARTS // self._total
            self._write(f"{self._text(now)}\n")

    def _line(self, now: float) -> str:
        """The bar and the numbers, in one line of the terminal as it is now: a longer one would scroll."""
        # the last column stays free: some terminals wrap when it is written to
        columns = shutil.get_terminal_size((_COLUMNS, 24)).columns - 1
        text = self._text(now)
        if len(text) > columns:
            text = f"{self._done:,} of {self._total:,}, {now - self._began:.1f} s"
        width = min(_MAX_WIDTH, columns - len(text) - 1)
        if width < 1:
            return text[:columns].ljust(columns)
        filled = min(width, width * self._done // self._total)
        return f"{'█' * filled}{'░' * (width - filled)} {text}".ljust(columns)

    def _text(self, now: float) -> str:
        return f"{self._done:,} of {self._total:,} {self._what}, {now - self._began:.1f} s"

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
