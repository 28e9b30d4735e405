"""How far it is: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time

__all__ = ["Progress"]

_WIDTH = 40
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
                filled = min(_WIDTH, _WIDTH * self._done // self._total)
                self._write(f"\r{'█' * filled}{'░' * (_WIDTH - filled)} {self._text(now)}{chr(10) if complete else ''}")
        elif self._done * _PARTS // self._total > self._parts:
            self._parts = self._done * _PARTS // self._total
            self._write(f"{self._text(now)}\n")

    def _text(self, now: float) -> str:
        return f"{self._done:,} of {self._total:,} {self._what}, {now - self._began:.1f} s"

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
