"""Topics."""

from __future__ import annotations

from pubsubclient._arguments import Seconds, check_count, check_whole_seconds
from pubsubclient._names import check_name
from pubsubclient._service import Address, Service, find_service
from pubsubclient._transport import Transport

__all__ = ["Topic", "topic_name"]

_MAX_PARTITIONS = 1_000


class Topic:
    """A topic, by its name. Topics of the same name are equal.

    A name alone does no I/O: the first publish makes the topic. With `partitions` or `retention` it is registered,
    get-or-create.

    Args:
        name: 1 to 255 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit, nothing empty between dots
        partitions: the number of logs it consists of, 1 to 1,000; fixed when the topic is made
        retention: how long its events are kept at least, at least 600 seconds; replaces what it had
        service: where, as for `Publisher`; used with `partitions` or `retention` only

    Raises:
        InvalidArgument: an argument is out of its range
        Conflict: the topic has another number of partitions
        ServiceError, Unavailable, ConfigurationError: it could not be registered
    """

    def __init__(
        self,
        name: str,
        partitions: int | None = None,
        retention: Seconds | None = None,
        *,
        service: Address | Service | None = None,
    ) -> None:
        self.name = check_name("topic", name)
        settings: dict[str, object] = {}
        if partitions is not None:
            settings["partitions"] = check_count("partitions", partitions, 1, _MAX_PARTITIONS)
        if retention is not None:
            settings["retention_s"] = check_whole_seconds("retention", retention, 1)
        if settings:
            Transport.to(find_service(service)).register({"topic": self.name, **settings})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topic) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Topic({self.name!r})"

    def __str__(self) -> str:
        return self.name


def topic_name(topic: Topic | str) -> str:
    """The name of a topic given either way. Raises InvalidArgument."""
    return topic.name if isinstance(topic, Topic) else check_name("topic", topic)
