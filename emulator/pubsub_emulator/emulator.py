"""The emulator: serves the service's functions over a store on one address."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import TracebackType

from pubsub_emulator.console.page import Page
from pubsub_emulator.openapi import describe
from pubsub_emulator.server.draining import DrainingRuntime
from pubsub_emulator.server.expiry import Expiry
from pubsub_emulator.server.page_guard import PageGuard
from pubsub_emulator.server.router import Router, applications
from pubsub_emulator.server.server import DRAIN_S, THREADS, Server
from pubsub_emulator.server.wsgi import WSGIApp
from pubsubservice.api.app import configure
from pubsubservice.core.ownership import Authenticator
from pubsubservice.core.settings import Settings
from pubsubservice.storage.port import Store

__all__ = ["Emulator"]


class Emulator:
    """Serves the service's functions over a store, at `url`, from construction until `close`.

    A process can have one emulator at a time, because the service is configured for the whole process.

    Args:
        store: where events are stored; the caller closes it
        host: the address to listen on
        port: the port to listen on; 0 picks a free one
        hosts: further host names that requests may be sent to
        settings: the service's settings
        runtime: the one that the store was made with, if any, so that `close` also cuts the store's waits short
        identity: verifies ID tokens; without it callers are not identified
        expire_s: seconds between two runs of ``expire``; 0 runs it only when a request asks for it
        console: whether browsers find the console at `url`

    Raises:
        AddressError: the address is unknown, taken, or not allowed
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
        identity: Authenticator | None = None,
        expire_s: float = 0.0,
        console: bool = True,
    ) -> None:
        settings = settings or Settings(threads=THREADS)
        self._store = store
        self._runtime = runtime or DrainingRuntime()
        service = configure(store, settings, self._runtime, identity)
        functions = _functions()
        guard = PageGuard([host, *hosts], any_address=host in {"0.0.0.0", "::"})
        router = Router(functions, guard, describe=describe, console=Page() if console else None)
        self._server = Server(router, host, port, threads=settings.threads)
        self.url = self._server.url
        self._expiry = Expiry(service, expire_s) if expire_s else None

    def close(self, timeout_s: float = DRAIN_S) -> None:
        """Stop. Long polls return at once; other open requests have up to `timeout_s` seconds to finish."""
        self._runtime.drain()
        self._store.end_waits()
        self._server.drain(timeout_s)
        self._server.close()
        if self._expiry:
            self._expiry.close()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _functions() -> dict[str, WSGIApp]:
    main = importlib.import_module("pubsubservice.main")
    return applications(main, main.FUNCTIONS)
