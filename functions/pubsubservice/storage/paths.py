"""Paths and ids of documents: how the data model of ``docs/architecture.md`` is written into a store."""

from __future__ import annotations

__all__ = ["batch_id", "batch_path", "batches", "log_path", "publisher_path", "seq_of", "subscriber_path", "topic_path"]

#: batch ids count down from here, so that the newest is first by name and the tail is one read
_TOP = 10**12


def topic_path(topic: str) -> str:
    """The document that holds a topic's configuration."""
    return f"topics/{topic}"


def log_path(topic: str, partition: int) -> str:
    """The document that holds a log's trim point."""
    return f"topics/{topic}/logs/{partition}"


def batches(topic: str, partition: int) -> str:
    """The collection of a log's batches."""
    return f"topics/{topic}/logs/{partition}/batches"


def batch_id(seq: int) -> str:
    """The id of batch number `seq` (1, 2, …). Its own inverse on the number: ``int(id)`` is 10^12 - seq."""
    return f"{_TOP - seq:012d}"


def seq_of(path: str) -> int:
    """The number of the batch at a path made by `batch_path`."""
    return _TOP - int(path[-12:])


def batch_path(topic: str, partition: int, seq: int) -> str:
    """The document of batch number `seq` of a log."""
    return f"topics/{topic}/logs/{partition}/batches/{_TOP - seq:012d}"


def subscriber_path(name: str) -> str:
    """The document of a subscriber."""
    return f"subscribers/{name}"


def publisher_path(name: str) -> str:
    """The document of a publisher."""
    return f"publishers/{name}"
