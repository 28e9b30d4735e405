"""Opening a store by its address, in this process or in another one."""

from __future__ import annotations

from pubsubservice.storage.port import Store

__all__ = ["open_store"]


def open_store(url: str) -> Store:
    """Open ``sqlite:PATH`` or ``firestore:HOST:PORT/PROJECT``; ``memory:`` is a new store each time."""
    kind, _, place = url.partition(":")
    if kind == "sqlite":
        from pubsub_emulator.sqlite.store import SQLiteStore

        return SQLiteStore(place)
    if kind == "memory":
        from pubsub_emulator.memory.store import MemoryStore

        return MemoryStore()
    from pubsubservice.storage.firestore.store import FirestoreStore

    address, _, project = place.partition("/")
    return FirestoreStore(project, emulator=address)
