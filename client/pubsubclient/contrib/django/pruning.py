"""Deletes old rows beside a worker: of handled events, and of Tasks. The relay deletes those of the outbox."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from pubsubclient.contrib.django.connections import in_transaction, refresh
from pubsubclient.contrib.django.publishing import PROCESSED
from pubsubclient.contrib.django.settings import current

__all__ = ["prune", "pruning"]

#: how often old rows are deleted, seconds
_EVERY_S = 3600.0
#: how long the end of a worker waits for a deletion under way, seconds
_STOP_S = 5.0

_log = logging.getLogger("pubsubclient.outbox")


def prune() -> int:
    """Delete rows that are older than ``PUBSUB`` says, and return how many there were."""
    from pubsubclient.contrib.django.models import TaskRecord  # noqa: PLC0415 - after the apps are loaded

    given = current()
    with in_transaction(given.database) as connection:
        count = PROCESSED.prune(connection, given.keep_processed_s)
    old = timezone.now() - timedelta(seconds=given.keep_results_s)
    deleted: int = TaskRecord.objects.using(given.database).filter(changed__lt=old).delete()[0]
    return count + deleted


@contextmanager
def pruning() -> Iterator[None]:
    """Prune now and each hour, in a thread, for the length of a block."""
    stopping = threading.Event()

    def work() -> None:
        while True:
            refresh()
            try:
                prune()
            except Exception as error:  # noqa: BLE001 - the next time it may succeed
                _log.warning("Old rows are not deleted: %s: %s", type(error).__name__, error)
            finally:
                connections.close_all()
            if stopping.wait(_EVERY_S):
                return

    thread = threading.Thread(target=work, name="pruning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_STOP_S)
