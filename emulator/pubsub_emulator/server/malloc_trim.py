"""How the process gives memory back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["trimming"]

#: of ``mallopt`` (https://man7.org/linux/man-pages/man3/mallopt.3.html)
_M_ARENA_MAX = -8
_EVERY_S = 1.0
#: CPU time, seconds, that must have been used for there to be something to give back
_USED_S = 0.05


@contextmanager
def trimming() -> Iterator[None]:
    """Have glibc give free pages back, once a second while there is work.

    Requests and answers are megabytes, made and freed by many threads. By default each thread's arena keeps its share of the
    holes between them; Python's threads take turns anyway, so that one arena costs nothing. Entered before there are other
    threads. Another C library is left alone.

    Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    ended = threading.Event()
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "malloc_trim"):
        library.mallopt(_M_ARENA_MAX, 1)
        arguments = (library.malloc_trim, ended)
        threading.Thread(target=_trim_until, args=arguments, name="pubsub-memory", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _trim_until(trim: Callable[[int], object], ended: threading.Event) -> None:
    used_s = time.process_time()
    while not ended.wait(_EVERY_S):
        now_s = time.process_time()
        if now_s - used_s >= _USED_S:
            used_s = now_s
            trim(0)
