"""The service that a request calls: the one bound by `using`, else that of this process, configured or of the environment."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pubsubservice.core.ownership import Authenticator
from pubsubservice.core.request_log import log_to_stdout
from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.service import Service
from pubsubservice.storage.port import Store

__all__ = ["configure", "current", "using"]

_service: Service | None = None
_bound: ContextVar[Service | None] = ContextVar("service of the request", default=None)


@contextmanager
def using(service: Service) -> Iterator[None]:
    """Within the block, requests of this thread or task call this service, whatever the process's is.

    Threads started within the block do not inherit the binding.
    """
    token = _bound.set(service)
    try:
        yield
    finally:
        _bound.reset(token)


def configure(
    store: Store,
    settings: Settings | None = None,
    runtime: Runtime | None = None,
    identity: Authenticator | None = None,
) -> Service:
    """Set the service that the functions of this process call; to be called before the functions are loaded.

    Without `identity` callers are not identified, and everybody may use every name.
    """
    global _service
    _service = Service(store, settings or Settings(), runtime or SystemRuntime(), identity)
    return _service


def current() -> Service:
    """Return the bound service, else the configured one.

    If there is none, configure one for Firestore with the project's default credentials. Environment: ``PUBSUB_DATABASE``
    (default ``(default)``), ``THREADS`` (as the functions framework reads it), and the variables of
    `identity.identity_from_environment`.
    """
    bound = _bound.get()
    if bound is not None:
        return bound
    if _service is None:
        # these imports take one to two seconds, and only the cloud needs them
        from pubsubservice.api.identity import identity_from_environment  # noqa: PLC0415
        from pubsubservice.storage.firestore.store import FirestoreStore  # noqa: PLC0415

        log_to_stdout()
        runtime = SystemRuntime()
        identity = identity_from_environment(os.environ, runtime)
        store = FirestoreStore(database=os.environ.get("PUBSUB_DATABASE", "(default)"))
        configure(store, Settings(threads=int(os.environ.get("THREADS", "64"))), runtime, identity)
        gc.freeze()  # loaded modules are never garbage: a collection that visits them would delay a request
    return _service  # type: ignore[return-value]
