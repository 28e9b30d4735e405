"""An accepted event on its way into a log."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

__all__ = ["Entry", "identity"]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event of a publish: its identity and its JSON."""

    id: str
    source: str
    #: 8-byte hash of the event's identity (see `identity`)
    hash: bytes
    #: the event's JSON as it was sent, on one line
    line: bytes


def identity(publisher: str, source: str, event_id: str) -> bytes:
    """Return the 8-byte BLAKE2b hash of an event's identity within its topic: publisher, source and id."""
    return blake2b(f"{publisher}\0{source}\0{event_id}".encode(), digest_size=8).digest()
