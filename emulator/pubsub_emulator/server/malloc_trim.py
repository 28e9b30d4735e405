"""Gives freed memory back to the system, on glibc."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["trimming"]

#: parameters of ``mallopt`` (https://man7.org/linux/man-pages/man3/mallopt.3.html)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: from this size on, a buffer gets pages of its own from the system; more than any request or response has, bytes
_OWN_PAGES_BYTES = 32 << 20
#: free bytes at the heap's end that `free` leaves to the next trim
_FREE_BYTES = 64 << 20
_EVERY_S = 1.0
#: trim only if the process has used this much CPU time since the last trim, seconds
_MIN_CPU_S = 0.05
#: the process is idle if it has used less than this much CPU time since the last look; work of less than that is not worth a
#: trim, seconds
_IDLE_CPU_S = 0.005


@contextmanager
def trimming() -> Iterator[None]:
    """In this block, make glibc use one arena and give free pages back: once a second while the process works, and once after.

    Requests and responses are megabytes, allocated and freed by many threads. By default each thread has its own arena, and
    each arena keeps its free pages. One arena costs no speed here, because Python runs one thread at a time. Buffers of
    megabytes come from the heap, too: with pages of their own, the system would make each page anew for each request. Enter
    the block before the process has other threads. With another C library the block does nothing.

    Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    ended = threading.Event()
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "malloc_trim"):
        for parameter, value in (
            (_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _OWN_PAGES_BYTES), (_M_TRIM_THRESHOLD, _FREE_BYTES),
        ):  # fmt: skip
            library.mallopt(parameter, value)
        arguments = (library.malloc_trim, ended)
        threading.Thread(target=_trim_until, args=arguments, name="pubsub-memory", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _trim_until(trim: Callable[[int], object], ended: threading.Event) -> None:
    trimmed_at_s = looked_at_s = time.process_time()
    while not ended.wait(_EVERY_S):
        now_s = time.process_time()
        needed_s = _IDLE_CPU_S if now_s - looked_at_s < _IDLE_CPU_S else _MIN_CPU_S
        if now_s - trimmed_at_s >= needed_s:
            trim(0)
            trimmed_at_s = now_s = time.process_time()  # without the time of the trim itself
        looked_at_s = now_s
