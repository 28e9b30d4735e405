"""An emulator for many tests: each has a base URL ``http://HOST:PORT/~ID``, and a store in memory behind it, of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from pubsub_emulator.memory.store import MemoryStore
from pubsub_emulator.openapi import describe
from pubsub_emulator.server.draining import DrainingRuntime
from pubsub_emulator.server.router import Router, applications
from pubsub_emulator.server.server import THREADS, Server
from pubsub_emulator.server.wsgi import Environ, StartResponse, refuse
from pubsubservice import main
from pubsubservice.api.app import using
from pubsubservice.core.settings import Settings
from pubsubservice.service import Service

__all__ = ["Spaces"]


class _Space(NamedTuple):
    service: Service
    store: MemoryStore
    runtime: DrainingRuntime


class Spaces:
    """Serves the functions on a free port of 127.0.0.1, from construction until `close`. Thread-safe."""

    def __init__(self) -> None:
        self._spaces: dict[str, _Space] = {}
        self._router = Router(applications(main, main.FUNCTIONS), describe=describe)
        self._server = Server(self._serve)

    def open(self) -> str:
        """Make a space with an empty store, and return its base URL."""
        name = secrets.token_hex(8)  # not to be guessed by a program that kept the port of an earlier run
        store, runtime = MemoryStore(), DrainingRuntime()
        self._spaces[name] = _Space(Service(store, Settings(threads=THREADS), runtime), store, runtime)
        return f"{self._server.url}/~{name}"

    def end(self, url: str) -> None:
        """End a space: its waiting requests return, later ones get 404, and what it stored is gone."""
        space = self._spaces.pop(url.rpartition("~")[2], None)
        if space is not None:
            space.runtime.drain()
            space.store.close()

    def close(self) -> None:
        """End all spaces, and stop serving."""
        for name in list(self._spaces):
            self.end(name)
        self._server.close()

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        first, _, rest = environ["PATH_INFO"].lstrip("/").partition("/")
        space = self._spaces.get(first[1:]) if first.startswith("~") else None
        if space is None:
            return refuse(start_response, 404, f"no test runs at /{first}; has it ended?")
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"/{first}", f"/{rest}"
        with using(space.service):
            return self._router(environ, start_response)
