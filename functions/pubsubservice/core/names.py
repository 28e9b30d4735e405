"""Names, document paths and sequences: how the data model of ``docs/architecture.md`` is written into a store."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from hashlib import blake2b

from pubsubservice.core.problems import BadRequest

__all__ = [
    "FORMAT", "batch_id", "batch_path", "batches", "check_name", "dead_letters_of", "identity", "log_path", "parse_rfc3339",
    "parse_sequence", "partition_of", "publisher_path", "redriver_of", "rfc3339", "sequence_prefix", "subscriber_path",
    "topic_path",
]  # fmt: skip

#: format of every document; a process that meets a higher one writes nothing
FORMAT = 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%+-]{0,254}")
_SEQUENCE = re.compile(r"([0-9]{4})-([0-9]{20})")
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d):([0-5]\d|60)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
#: characters of a subscriber's name; and of a long one, those that the name of its redriver begins with
MAX_SUBSCRIBER, SHORTENED = 250, 220
#: batch ids count down from here, so that the newest is first by name and the tail is one read
_TOP = 10**12


def check_name(kind: str, name: str) -> str:
    """Return `name` if it may name a `kind` ("topic", "publisher", "subscriber"); raises BadRequest otherwise."""
    limit = MAX_SUBSCRIBER if kind == "subscriber" else 255
    if not _NAME.fullmatch(name) or len(name) > limit:
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise BadRequest(
            "invalid_name",
            f"{shown!r} cannot name a {kind}: a name has 1 to {limit} characters of A-Z a-z 0-9 . _ ~ % + - "
            "and begins with a letter or digit.",
        )
    if kind == "topic" and (".." in name or name.endswith(".")):
        raise BadRequest("invalid_name", f"{name!r} cannot name a topic: a token between two dots is empty.")
    return name


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


def dead_letters_of(subscriber: str) -> str:
    """The topic that a subscriber's dead letters go to when it names none."""
    return re.sub(r"\.+", ".", f"{subscriber}.dead")  # a subscriber's name may have dots that a topic's may not


def redriver_of(subscriber: str) -> str:
    """The publisher and subscriber under which the SDK redrives a subscriber's dead letters."""
    name = f"{subscriber}.redrive"
    if len(name) <= MAX_SUBSCRIBER:
        return name
    digest = blake2b(subscriber.encode(), digest_size=8).hexdigest()
    return f"{subscriber[:SHORTENED]}.{digest}.redrive"


def publisher_path(name: str) -> str:
    """The document of a publisher."""
    return f"publishers/{name}"


def identity(publisher: str, source: str, event_id: str) -> bytes:
    """The 8-byte BLAKE2b hash of an event's identity within its topic."""
    return blake2b(f"{publisher}\0{source}\0{event_id}".encode(), digest_size=8).digest()


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


def parse_rfc3339(text: str) -> int | None:
    """The time that a text has by RFC 3339, µs since 1970 in UTC, less what is below a microsecond; None if it has none."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    minute, second, fraction, ahead, hours, minutes = found.groups(default="0")
    try:
        moment = datetime.fromisoformat(f"{minute.upper()}:00+00:00")
    except ValueError:
        return None
    offset_s = (3600 * int(hours) + 60 * int(minutes)) * (-1 if ahead == "-" else 1)
    return (round(moment.timestamp()) + int(second) - offset_s) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def rfc3339(time_us: int) -> str:
    """A store time as CloudEvents and JSON carry it, in UTC with microseconds."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, timezone.utc)
    return f"{moment.isoformat()[:19]}.{time_us % 1_000_000:06d}Z"
