"""Who takes part: this project in its forms, the least that could be done, and the peers that are installed."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

from benchmarks.service.worker import Worker

__all__ = ["start"]

#: server, client's module, contender
_PEERS = {
    "Pub/Sub emulator": ("gcloud", "google.cloud.pubsub_v1", "google_pubsub:GooglePubSub"),
    "NATS JetStream": ("nats-server", "nats", "nats_jetstream:Jetstream"),
    "Redis Streams": ("redis-server", "redis", "redis_streams:RedisStreams"),
}


def start(name: str) -> Worker | None:
    """A contender in its own process; None if it is not installed.

    Ours are "ours", over SQLite and with orjson; "ours batch()", publishing in the background; "ours json", without orjson;
    and "ours firestore", over Google's emulator.
    """
    if name == "bare echo":
        return Worker("benchmarks.service.echo:Echo")
    if name.startswith("ours"):
        store = "firestore" if "firestore" in name else "sqlite"
        if store == "firestore" and shutil.which("gcloud") is None:
            return None
        return Worker("benchmarks.service.ours:Ours", store, name, without=("orjson",) if "json" in name else ())
    server, client, kind = _PEERS[name]
    if shutil.which(server) is None or find_spec(client) is None:
        return None
    return Worker(f"benchmarks.service.{kind}")
