"""Optimistic updates: read, change, write on a condition, and begin again if somebody else was faster."""

from __future__ import annotations

from collections.abc import Iterator

from pubsubservice.core.runtime import Runtime

__all__ = ["attempts"]

#: tries of one update: with eight writers of one document the tenth nearly always succeeds
_MAX_TRIES = 20
#: the pause before try n + 1 is drawn from 0 to _FIRST_PAUSE_S * 2^n, at most _MAX_PAUSE_S. Without jitter, eight
#: writers lose to each other for seconds
_FIRST_PAUSE_S = 0.001
_MAX_PAUSE_S = 0.25


def attempts(runtime: Runtime, limit: int = _MAX_TRIES) -> Iterator[None]:
    """Yield before each try of an update, after a random pause before each but the first.

    The loop is left by the try that succeeds. After the last one the caller raises an error of its own.
    """
    for attempt in range(limit):
        if attempt:
            runtime.sleep(runtime.random() * min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _MAX_PAUSE_S))
        yield
