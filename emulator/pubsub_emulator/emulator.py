"""The emulator: the service over a store, served on one address."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from pubsub_emulator.openapi.document import openapi
from pubsub_emulator.server.draining import DrainingRuntime
from pubsub_emulator.server.expiry import Expiry
from pubsub_emulator.server.router import Router, WSGIApp, load_functions
from pubsub_emulator.server.server import DRAIN_S, THREADS, Server
from pubsub_emulator.sqlite.store import SQLiteStore
from pubsubservice.api.app import configure
from pubsubservice.core.settings import Settings
from pubsubservice.storage.port import Store

if TYPE_CHECKING:
    from pubsubservice.api.identity import Identity

__all__ = ["Emulator"]


class Emulator:
    """The service's functions over `store`, served at `url` from construction until `close`.

    One per process: the service is configured for the whole process. The store stays the caller's to close.
    `runtime` is given when the store was made with it, so that the end cuts its waits short too. `hosts` are
    further names to answer to. Without `identity` callers are not told apart. ``expire`` runs every `expire_s` seconds, or
    only when it is called if that is 0. Raises AddressError.
    """

    def __init__(
        self,
        store: Store,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: Iterable[str] = (),
        settings: Settings | None = None,
        runtime: DrainingRuntime | None = None,
        identity: Identity | None = None,
        expire_s: float = 0.0,
    ) -> None:
        settings = settings or Settings(threads=THREADS)
        self._store = store
        self._runtime = runtime or DrainingRuntime()
        service = configure(store, settings, self._runtime, identity)
        functions = _functions()
        front = Router(functions, [host, *hosts], any_address=host in {"0.0.0.0", "::"}, describe=openapi)
        self._server = Server(front, host, port, threads=settings.threads)
        self.url = self._server.url
        self._expiring = Expiry(service, expire_s) if expire_s else None

    def close(self, timeout_s: float = DRAIN_S) -> None:
        """Answer the requests under way, long polls at once and empty, and end."""
        self._runtime.drain()
        if isinstance(self._store, SQLiteStore):
            self._store.end_waits()
        self._server.drain(timeout_s)
        self._server.close()
        if self._expiring:
            self._expiring.close()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _functions() -> dict[str, WSGIApp]:
    main = importlib.import_module("pubsubservice.main")
    return load_functions(main, main.FUNCTIONS)
