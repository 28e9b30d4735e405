"""What other processes do to a store in the tests; each function is the target of a spawned process."""

from __future__ import annotations

from multiprocessing.connection import Connection

from pubsubservice.storage.port import Exists, Store
from stores.opening import open_store

__all__ = ["append", "append_for_ever", "create_later", "race"]


def race(url: str, name: str, rounds: int, answers: Connection) -> None:
    """Try to be the first at each of some paths; answer with those won and their times."""
    store = open_store(url)
    answers.send("ready")
    answers.recv()
    times = {n: _try_to_create(store, f"races/{n:03}", name) for n in range(rounds)}
    answers.send({n: created for n, created in times.items() if created is not None})
    store.close()


def append(url: str, prefix: str, count: int, answers: Connection) -> None:
    """Create documents one after the other and say when it is done."""
    store = open_store(url)
    answers.send("ready")
    answers.recv()
    for n in range(count):
        store.create(f"{prefix}{n:03}", {"n": n})
    answers.send("done")
    store.close()


def append_for_ever(url: str, answers: Connection) -> None:
    """Create documents one after the other, saying so after each, until killed."""
    store = open_store(url)
    n = 0
    while True:
        blob = bytes([n % 251]) * 50_000
        answers.send((n, store.create(f"stream/{n:06}", {"n": n, "blob": blob})))
        n += 1


def create_later(url: str, path: str, answers: Connection) -> None:
    """Create a document when told to."""
    store = open_store(url)
    answers.send("ready")
    answers.recv()
    store.create(path, {})
    answers.recv()
    store.close()


def _try_to_create(store: Store, path: str, by: str) -> int | None:
    try:
        return store.create(path, {"by": by})
    except Exists:
        return None
