"""Sequences: text such as ``0003-00000000000000000042`` that names an event in its topic by partition and log index."""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["parse_sequence", "partition_of", "sequence_prefix"]

_SEQUENCE = re.compile(r"([0-9]{4})-([0-9]{20})")


def partition_of(publisher: str, partitions: int) -> int:
    """Return the partition (0 to partitions - 1) of a publisher's events, from a hash of the publisher's name."""
    if partitions == 1:
        return 0
    return int.from_bytes(blake2b(publisher.encode(), digest_size=8).digest(), "big") % partitions


def sequence_prefix(partition: int) -> str:
    """Return the first part of a sequence; the event's log index in 20 digits follows."""
    return f"{partition:04d}-"


def parse_sequence(sequence: str) -> tuple[int, int] | None:
    """Return the partition and the log index of a sequence, or None if the text is not a sequence."""
    found = _SEQUENCE.fullmatch(sequence)
    return (int(found[1]), int(found[2])) if found else None
