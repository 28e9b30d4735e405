"""The service of this process: the configured one, or one made from the environment."""

from __future__ import annotations

import gc
import os

from pubsubservice.core.ownership import Authenticator
from pubsubservice.core.request_log import log_to_stdout
from pubsubservice.core.runtime import Runtime, SystemRuntime
from pubsubservice.core.settings import Settings
from pubsubservice.service import Service
from pubsubservice.storage.port import Store

__all__ = ["configure", "current"]

_service: Service | None = None


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
    """Return the configured service; if none is, configure one for Firestore with the project's default credentials.

    Environment: ``PUBSUB_DATABASE`` (default ``(default)``), ``THREADS`` (as the functions framework reads it), and the
    variables of `identity.identity_from_environment`.
    """
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
