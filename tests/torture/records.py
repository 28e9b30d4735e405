"""The history: what every process did, one JSON object a line, in a file of its own that outlives it.

A line is one ``write``: whatever a process did before it was killed is there, and its last line is whole or missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

__all__ = [
    "Acked", "Attempted", "Changed", "Delivered", "Done", "Expired", "Failed", "HistoryFile", "Leased", "Record", "Settling",
    "Stored", "read_history", "us_of",
]  # fmt: skip

#: consecutive events of a log: topic, partition, log index of the first, how many
Run = tuple[str, int, int, int]
#: an event of a subscription: topic and sequence
Ref = tuple[str, str]


class Attempted(msgspec.Struct, frozen=True, tag=True):
    """A publisher is about to publish these events for the first time."""

    publisher: str
    topic: str
    ids: list[str]
    #: nobody is to get them before so long after their commit, µs
    delay_us: int = 0


class Stored(msgspec.Struct, frozen=True, tag=True):
    """A publish was acknowledged: (id, sequence, commit time in µs) of each event."""

    topic: str
    events: list[tuple[str, str, int]]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A call of a client ended with an error; of events, whether they are stored is unknown, unless `refused`."""

    call: str
    error: str
    ids: list[str] = []
    refused: bool = False


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """A consumer got events under a token: (id, topic, sequence, commit time in µs, whether its data was whole)."""

    subscriber: str
    token: str
    attempt: int
    events: list[tuple[str, str, str, int, bool]]


class Settling(msgspec.Struct, frozen=True, tag=True):
    """A consumer is about to settle events of a token, all of them if None: "ack", "nack" or "release"."""

    subscriber: str
    verb: str
    token: str
    refs: list[Ref] | None = None


class Acked(msgspec.Struct, frozen=True, tag=True):
    """A consumer was told that its ack of events counted: of all it had not named before, if None."""

    subscriber: str
    token: str
    refs: list[Ref] | None = None


class Leased(msgspec.Struct, frozen=True):
    """A lease as it was made, or as it was extended."""

    until: int
    attempt: int
    runs: list[Run]


class Changed(msgspec.Struct, frozen=True, tag=True):
    """A function is about to write a version of a subscriber's document; what it changes in the version it read."""

    subscriber: str
    #: names this attempt, in the document too
    writer: str
    #: the attempt that wrote the version it was made from; empty for the first
    base: str
    #: update time of that version, µs
    base_time: int
    #: leases made, by token
    made: dict[str, Leased] = {}
    #: leases extended, by token: until when, µs
    extended: dict[str, int] = {}
    #: events that are neither leased nor due any more
    left: list[Run] = []
    #: log index of the next event, per topic and partition, where it moved
    positions: dict[str, list[int]] = {}
    #: events counted lost so far, per topic, where that changed
    lost: dict[str, int] = {}


class Done(msgspec.Struct, frozen=True, tag=True):
    """A version is surely in the store, since this store time, µs."""

    writer: str
    time: int


class Expired(msgspec.Struct, frozen=True, tag=True):
    """A run of retention deleted so many batches."""

    batches: int


Record = Attempted | Stored | Failed | Delivered | Settling | Acked | Changed | Done | Expired

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class HistoryFile:
    """Where one process writes what it does, and after its death the one that takes its place."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        # one that was killed while it wrote has left a part of a record: what it was about to do did not begin
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)

    def write(self, record: Record) -> None:
        """Add a record. Any thread may."""
        os.write(self._file, _encode(record) + b"\n")


def read_history(directory: Path) -> Iterator[tuple[str, Record]]:
    """Every record with the process that wrote it, in each process's order."""
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield path.stem, _decode(line)


def us_of(moment: datetime) -> int:
    """A moment in µs, as the store counts them."""
    return round(moment.timestamp() * 1_000_000)
