"""Enters and leaves a lifespan, in this thread or in the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any

from pubsubclient._worker.loop import Loop

__all__ = ["Lifespan", "entered"]

Lifespan = Callable[[], AbstractContextManager[Any] | AbstractAsyncContextManager[Any]]

_log = logging.getLogger("pubsubclient.worker")


@contextmanager
def entered(lifespan: Lifespan | None, loop: Loop | None) -> Iterator[bool]:
    """Enter the lifespan, if there is one, and leave it afterwards; yields False if it could not be entered."""
    try:
        manager = lifespan() if lifespan is not None else None
        if isinstance(manager, AbstractAsyncContextManager) and loop is not None:
            loop.run(manager.__aenter__())
        elif isinstance(manager, AbstractContextManager):
            manager.__enter__()
    except Exception:  # noqa: BLE001 - the program's own, which is logged
        _log.exception("The lifespan could not be entered.")
        yield False
        return
    yield True
    try:
        if isinstance(manager, AbstractAsyncContextManager) and loop is not None:
            loop.run(manager.__aexit__(None, None, None))
        elif isinstance(manager, AbstractContextManager):
            manager.__exit__(None, None, None)
    except Exception:  # noqa: BLE001 - as above
        _log.exception("The lifespan could not be left.")
