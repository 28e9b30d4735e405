"""Callers that are not threads: tasks of an event loop, for which threads of a pool make calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pubsubclient._http.call import Cancellation

__all__ = ["Caller", "calling_for", "current_caller"]


class Caller:
    """Who makes one call, in a thread that is not the caller's own.

    Args:
        owner: what the events belong to that the call receives, as they belong to the thread otherwise
    """

    def __init__(self, owner: object) -> None:
        self.owner = owner
        #: ends the call while it waits
        self.cancellation = Cancellation()
        #: guards `gone`
        self.lock = threading.Lock()
        #: whether nobody receives the call's result any more; the owner may be in its next call already
        self.gone = False


class _Local(threading.local):
    caller: Caller | None = None


_local = _Local()


@contextmanager
def calling_for(caller: Caller) -> Iterator[None]:
    """This thread makes a call for `caller` within the block."""
    _local.caller = caller
    try:
        yield
    finally:
        _local.caller = None


def current_caller() -> Caller | None:
    """Return for whom this thread makes a call; None if it is for itself."""
    return _local.caller
