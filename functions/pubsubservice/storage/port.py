"""The storage port: the seven operations on documents that the service is built on.

Three adapters implement the port: ``pubsubservice.storage.firestore`` (the cloud), ``pubsub_emulator.sqlite`` (a laptop) and
``pubsub_emulator.memory`` (tests of programs). The suite ``tests/stores`` runs against all. ``tests/simulation`` runs the
service over the store in memory, with the faults of a distributed one.

All times are integer microseconds of *store time*: the clock of the store, never the clock of a process.

Errors::

    StoreError
    ├── Exists      create: the path is taken, possibly by the caller's own earlier attempt
    ├── Changed     update, remove: the condition was not met, possibly because of the caller's own earlier attempt
    ├── Refused     the operation was certainly not done
    └── Unknown     the operation was done, was not done, or will still be done
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "Changed",
    "Doc",
    "Exists",
    "Fields",
    "Page",
    "Reads",
    "Refused",
    "Store",
    "StoreError",
    "Unknown",
    "Value",
]

#: The types of a document's fields: those that both stores keep exactly. No nested maps or lists.
Value = int | str | bytes | bool | None
Fields = Mapping[str, Value]

#: Most bytes of a document with its field names: below Firestore's 1 MiB
#: (https://firebase.google.com/docs/firestore/quotas).
MAX_DOCUMENT_BYTES = 1_000_000


class StoreError(Exception):
    """A storage operation failed."""


class Exists(StoreError):  # noqa: N818 - names the outcome of an operation, as the other three do
    """``create`` found the path taken, possibly by the caller's own earlier attempt."""


class Changed(StoreError):  # noqa: N818
    """``update`` or ``remove`` found the document missing or changed, possibly by the caller's own earlier attempt."""


class Refused(StoreError):  # noqa: N818
    """The operation was certainly not done.

    Args:
        message: for the log
        busy: whether a retry may succeed
        detail: sentence for the client that says what is wrong and how to repair it, without paths; None for the default
    """

    def __init__(self, message: str, *, busy: bool = False, detail: str | None = None) -> None:
        super().__init__(message)
        self.busy = busy
        self.detail = detail


class Unknown(StoreError):  # noqa: N818
    """The operation was done, was not done, or will still be done. Only a later read can tell."""


class Doc(NamedTuple):
    """A document as one read returned it."""

    path: str
    data: Fields
    #: store time of the document's creation, µs
    created: int
    #: store time of the document's last write, µs
    updated: int


class Reads(NamedTuple):
    """The result of ``get_many``: one entry per requested path, in the order of the request."""

    #: None for a missing document
    docs: list[Doc | None]
    #: read time of each entry, µs. A path that was missing at r is created after r, if ever, or was deleted before r
    times: list[int]

    @property
    def time(self) -> int:
        """The smallest read time, µs: the result includes every commit up to this time."""
        return min(self.times)


class Page(NamedTuple):
    """The result of ``list``: documents in ascending order of id, and the read time of the whole page, µs."""

    docs: list[Doc]
    time: int


class Store(Protocol):
    """The port. Adapters never retry a write; each call bills its operations to the current `meter`.

    Paths have the form ``collection/id`` or ``collection/id/collection/id…``.
    """

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """Read documents by path, and of each only `fields` if given. Bills one read per path, missing or not.

        The read times advance with real time and lag at most 1 s behind it, on an idle store too. Raises Refused or
        Unknown.
        """

    def create(self, path: str, data: Fields) -> int:
        """Create a document if the path is free; return the commit time. Atomic.

        The commit time equals the document's `Doc.created`. It is later than every commit that finished before this call
        began, and later than every time of a document that was deleted at this path. Raises Exists, Refused, Unknown.
        """

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """Replace a document if its update time is still `if_update_time`; return the new update time, which differs.

        Raises Changed (also for a missing document), Refused, Unknown.
        """

    def remove(self, path: str, if_update_time: int) -> None:
        """Delete one document if its update time is still `if_update_time`. Atomic.

        Raises Changed (also for a missing document), Refused, Unknown.
        """

    def delete(self, paths: Sequence[str]) -> None:
        """Delete documents. Idempotent, unconditional, and not atomic as a whole. Raises Refused, Unknown."""

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """Return a page of a collection's documents in ascending order of id, from behind the id `after`.

        The page is strongly consistent. Bills one read per document, and at least one. Raises Refused, Unknown.
        """

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> bool:
        """Block until one of the paths may exist, or until the timeout. Return False if none was created until then.

        True is a hint only, and may come early: the caller reads. After False it need not: what a later read may find was
        created in the last second of the wait, or after it.
        """

    def end_waits(self) -> None:
        """End all waits, now and later, as if they had been told: the process is about to end."""

    def close(self) -> None:
        """End all waits; close the store's connections and files. The documents stay."""
