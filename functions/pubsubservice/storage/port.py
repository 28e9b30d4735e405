"""The storage port: the six operations that the whole service stands on.

Two adapters implement it: ``pubsubservice.storage.firestore`` (the cloud) and ``pubsub_emulator.sqlite`` (a laptop). One
contract suite (``tests/stores``) and one simulation (``tests/simulation``) hold both to it.

All times are integer microseconds of *store time*: the clock of the store, never that of a process.

Errors::

    StoreError
    ├── Exists      create: the path is taken (maybe by one's own earlier try)
    ├── Changed     update: the condition was not met (maybe by one's own earlier try)
    ├── Refused     surely not done
    └── Unknown     done, not done, or still coming
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

#: What a document's fields hold: the types that both stores keep exactly. No nested maps or lists.
Value = int | str | bytes | bool | None
Fields = Mapping[str, Value]

#: A document with its field names stays below Firestore's 1 MiB (https://firebase.google.com/docs/firestore/quotas).
MAX_DOCUMENT_BYTES = 1_000_000


class StoreError(Exception):
    """A storage operation did not do what it was asked to."""


class Exists(StoreError):  # noqa: N818 - the port's own words
    """``create`` found the path taken; possibly by one's own earlier try."""


class Changed(StoreError):  # noqa: N818
    """``update`` found the document missing or changed; possibly by one's own earlier try."""


class Refused(StoreError):  # noqa: N818
    """The operation was surely not done. `busy` says that trying again may help.

    `told` is a sentence for whoever called: what is wrong and what mends it, without paths; None for the usual one.
    """

    def __init__(self, message: str, *, busy: bool = False, told: str | None = None) -> None:
        super().__init__(message)
        self.busy = busy
        self.told = told


class Unknown(StoreError):  # noqa: N818
    """The operation was done, not done, or is still coming; only reading tells."""


class Doc(NamedTuple):
    """One document as it was read."""

    path: str
    data: Fields
    #: store time of its creation, µs
    created: int
    #: store time of its last write, µs
    updated: int


class Reads(NamedTuple):
    """The answer of ``get_many``: one entry per path asked for, in that order."""

    docs: list[Doc | None]
    #: read time of each entry, µs: a path missing at r, if it was ever created, then after r (unless deleted by r)
    times: list[int]

    @property
    def time(self) -> int:
        """The smallest read time: every commit up to it is in this answer."""
        return min(self.times)


class Page(NamedTuple):
    """The answer of ``list``: documents in id order, and the read time of the whole page, µs."""

    docs: list[Doc]
    time: int


class Store(Protocol):
    """The port. Adapters never retry a write; each call bills the operations it cost to the current `meter`.

    Paths have the form ``collection/id`` or ``collection/id/collection/id…``.
    """

    def get_many(self, paths: Sequence[str], fields: Sequence[str] | None = None) -> Reads:
        """Read documents by path; `fields` limits what is transferred. Bills one read a path, missing or not.

        The read times advance with real time and are at most 1 s behind, on an idle store too.
        Raises Refused (nothing was answered) or Unknown.
        """

    def create(self, path: str, data: Fields) -> int:
        """Create a document if the path is free and return its commit time, atomically.

        The time equals the later `Doc.created`; it exceeds that of every commit that finished before this call began,
        and of an earlier life at that path. Raises Exists, Refused, Unknown.
        """

    def update(self, path: str, data: Fields, if_update_time: int) -> int:
        """Replace a document whose update time is still `if_update_time`; return the new one, which always differs.

        Raises Changed (also when missing), Refused, Unknown.
        """

    def delete(self, paths: Sequence[str]) -> None:
        """Delete documents: idempotent, unconditional, not atomic as a whole. Raises Refused, Unknown."""

    def list(
        self, collection: str, after: str | None = None, limit: int = 100, fields: Sequence[str] | None = None
    ) -> Page:
        """One strongly consistent page of a collection's documents, by ascending id, past the id `after`.

        Bills max(1, number of documents) reads.
        """

    def wait_for(self, paths: Sequence[str], timeout_s: float) -> None:
        """Return when one of the paths may exist, or at the timeout: a hint, after which the caller reads."""

    def close(self) -> None:
        """Release what the store holds; the documents stay."""
