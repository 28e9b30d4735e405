"""Notices changes of the program's source files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Changes"]

#: folders that hold no source of the program
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}
#: the most files that are looked at
_MAX_FILES = 10_000


class Changes:
    """The times of change of all ``.py`` files in a folder and below. Hidden folders and virtual environments are left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._times()

    def look(self) -> bool:
        """Whether a file has come, gone or changed since the last look."""
        before, self._seen = self._seen, self._times()
        return before != self._seen

    def _times(self) -> dict[str, int]:
        times: dict[str, int] = {}
        for path in self._files():
            try:
                times[path] = os.stat(path).st_mtime_ns  # noqa: PTH116 - thousands of files
            except OSError:
                continue  # it has just gone
            if len(times) >= _MAX_FILES:
                break
        return times

    def _files(self) -> Iterator[str]:
        for folder, below, names in os.walk(self._folder):
            below[:] = [
                name for name in below
                if not name.startswith(".") and name not in _SKIPPED
                and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118
            ]  # fmt: skip
            yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))  # noqa: PTH118
