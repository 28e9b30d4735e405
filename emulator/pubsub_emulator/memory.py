"""How the process gives memory back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from types import TracebackType

__all__ = ["Trimming"]

#: of ``mallopt`` (https://man7.org/linux/man-pages/man3/mallopt.3.html)
_M_ARENA_MAX = -8
_EVERY_S = 1.0
#: CPU time, seconds, that must have been used for there to be something to give back
_USED_S = 0.05


class Trimming:
    """Has glibc give free pages back, once a second while there is work, from construction until `close`.

    Requests and answers are megabytes, made and freed by many threads. By default each thread's arena keeps its share of the
    holes between them; Python's threads take turns anyway, so that one arena costs nothing. Constructed before there are other
    threads. Another C library is left alone.

    Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(library, "malloc_trim", None)
        self._ended = threading.Event()
        if self._trim is not None:
            library.mallopt(_M_ARENA_MAX, 1)  # type: ignore[union-attr]
            threading.Thread(target=self._run, name="pubsub-memory", daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._ended.set()

    def __enter__(self) -> Trimming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        used_s = time.process_time()
        while not self._ended.wait(_EVERY_S):
            now_s = time.process_time()
            if now_s - used_s >= _USED_S:
                used_s = now_s
                self._trim(0)  # type: ignore[misc]
