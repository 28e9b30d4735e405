"""Reads lines in chunks that are as large as a request may be, and never waits for a line to send the ones before."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator

__all__ = ["chunks_of"]

#: the most lines and bytes of a chunk
_LINES = 1_000
_BYTES = 500_000
#: lines that are read ahead
_AHEAD = 4 * _LINES


def chunks_of(lines: Iterable[bytes], rate: float | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number of each chunk's first line, from 1, and its lines, without their ends.

    A thread reads; a chunk has the lines that have come by then. With `rate`, chunks have at most a tenth of a second's lines,
    and come in time. Empty lines are left out of a chunk, which ends there, so that numbers stay right.
    """
    read: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(lines, read), daemon=True, name="pubsub lines").start()
    most = _LINES if rate is None else max(1, min(_LINES, int(rate / 10)))
    number, started, sent, ended = 1, time.monotonic(), 0, False
    while not ended:
        chunk: list[bytes] = []
        size = skipped = 0
        while len(chunk) < most and size < _BYTES:
            try:
                line = read.get(block=not chunk)
            except queue.Empty:
                break
            if isinstance(line, BaseException):
                raise line
            if line is None:
                ended = True
                break
            if not line.strip():
                skipped = 1
                break
            chunk.append(line)
            size += len(line)
        if chunk:
            yield number, chunk
            sent += len(chunk)
            if rate is not None:
                time.sleep(max(0.0, started + sent / rate - time.monotonic()))
        number += len(chunk) + skipped


def _read(lines: Iterable[bytes], read: queue.Queue[bytes | BaseException | None]) -> None:
    try:
        for line in lines:
            read.put(line.rstrip(b"\r\n"))
    except (OSError, ValueError) as error:  # ValueError: the stream was closed at the end of the program
        read.put(error)
    read.put(None)
