"""Connections of Django: for the relay, and around handlers, so that none is used after its server has shut it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections, transaction

from pubsubclient._outbox.connections import Connection

__all__ = ["Connections", "connect", "in_transaction", "refresh"]


def connect(alias: str) -> Connection:
    """Open a connection for the relay, as Django opens its own: not of a pool, and with transactions that the relay ends."""
    wrapper = connections[alias].copy()
    wrapper.settings_dict["OPTIONS"].pop("pool", None)
    wrapper.connect()
    wrapper.set_autocommit(False)
    opened: Connection = wrapper.connection
    return opened


@contextmanager
def in_transaction(alias: str) -> Iterator[Connection]:
    """The driver's connection, in the transaction of this thread, or in one of its own if there is none.

    The errors of its driver become Django's.
    """
    wrapper = connections[alias]
    if not wrapper.in_atomic_block:
        with transaction.atomic(using=alias), in_transaction(alias) as own:
            yield own
        return
    wrapper.validate_no_broken_transaction()
    with wrapper.cursor() as cursor:  # opened by Django, which checks the thread, and in tests whether it may be used
        own = cursor.connection
    with wrapper.wrap_database_errors:
        yield own


def refresh() -> None:
    """Close this thread's connections that are broken or too old, and let the next use of each other one test it.

    It is Django's `close_old_connections` and more: a worker waits for long, and servers and firewalls cut what idles, so
    each connection is tested before its first use in a handler, whatever ``CONN_HEALTH_CHECKS`` says.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # of a test, which still needs it
            connection.close_if_unusable_or_obsolete()
            connection.health_check_enabled = True


class Connections:
    """What a worker's handlers do with this process's connections; one of an app."""

    def __init__(self) -> None:
        #: connections that threads of `sync_to_async` use too: of a test's transaction, which its handlers are to see
        self._lent: list[Any] = []

    @contextmanager
    def lifespan(self) -> Iterator[None]:
        """For the length of a worker, or of a delivery in a test, which may have begun a transaction in this thread."""
        self._lent = [one for one in connections.all(initialized_only=True) if one.in_atomic_block]
        for connection in self._lent:
            connection.inc_thread_sharing()
        try:
            yield
        finally:
            for connection in self._lent:
                connection.dec_thread_sharing()
            self._lent = []

    def around(self, _: object) -> _Run:
        """Return what a run of a handler is wrapped in."""
        return _Run(self._lent)


class _Run:
    """One run of a handler.

    An ``async def`` handler has a thread of its own for `sync_to_async`, as a request of Django's ASGI handler has, so that
    handlers do not wait for each other's queries.
    """

    def __init__(self, lent: list[Any]) -> None:
        self._lent = lent
        self._thread = ThreadSensitiveContext()

    def __enter__(self) -> None:
        refresh()

    def __exit__(self, *_: object) -> None:
        refresh()

    async def __aenter__(self) -> None:
        await self._thread.__aenter__()
        if self._lent:
            await sync_to_async(self._lend)()

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await sync_to_async(self._close)()
        finally:
            await self._thread.__aexit__(*raised)

    def _lend(self) -> None:
        for connection in self._lent:
            connections[connection.alias] = connection

    def _close(self) -> None:
        for connection in connections.all(initialized_only=True):
            # in an asynchronous test, this thread is the test's, and the transaction too
            if connection not in self._lent and not connection.in_atomic_block:
                connection.close()
