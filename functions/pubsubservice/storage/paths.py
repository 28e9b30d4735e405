"""Paths and ids of stored documents, for the data model of ``docs/architecture.md``."""

from __future__ import annotations

__all__ = ["batch_id", "batch_path", "batches", "log_path", "publisher_path", "seq_of", "subscriber_path", "topic_path"]

#: batch ids count down from here: the newest batch is the first of its collection, so reading the tail is one read
_TOP = 10**12


def topic_path(topic: str) -> str:
    """Return the path of the document that holds a topic's configuration."""
    return f"topics/{topic}"


def log_path(topic: str, partition: int) -> str:
    """Return the path of the document that holds a log's trim point."""
    return f"topics/{topic}/logs/{partition}"


def batches(topic: str, partition: int) -> str:
    """Return the path of the collection of a log's batches."""
    return f"topics/{topic}/logs/{partition}/batches"


def batch_id(seq: int) -> str:
    """Return the id of batch number `seq` (1, 2, …): 10^12 - seq in 12 digits."""
    return f"{_TOP - seq:012d}"


def seq_of(path: str) -> int:
    """Return the number of the batch at a path that `batch_path` made."""
    return _TOP - int(path[-12:])


def batch_path(topic: str, partition: int, seq: int) -> str:
    """Return the path of batch number `seq` (1, 2, …) of a log."""
    return f"topics/{topic}/logs/{partition}/batches/{_TOP - seq:012d}"


def subscriber_path(name: str) -> str:
    """Return the path of a subscriber's document."""
    return f"subscribers/{name}"


def publisher_path(name: str) -> str:
    """Return the path of a publisher's document."""
    return f"publishers/{name}"
