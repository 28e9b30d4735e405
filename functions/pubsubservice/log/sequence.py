"""Sequences: the partition and the log index that name an event within its topic."""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["parse_sequence", "partition_of", "sequence_prefix"]

_SEQUENCE = re.compile(r"([0-9]{4})-([0-9]{20})")


def partition_of(publisher: str, partitions: int) -> int:
    """The log of a topic that a publisher's events go to."""
    if partitions == 1:
        return 0
    return int.from_bytes(blake2b(publisher.encode(), digest_size=8).digest(), "big") % partitions


def sequence_prefix(partition: int) -> str:
    """What an event's sequence begins with; the event's index in its log follows in 20 digits."""
    return f"{partition:04d}-"


def parse_sequence(sequence: str) -> tuple[int, int] | None:
    """The partition and log index that a sequence names, or None if it is not a sequence."""
    found = _SEQUENCE.fullmatch(sequence)
    return (int(found[1]), int(found[2])) if found else None
