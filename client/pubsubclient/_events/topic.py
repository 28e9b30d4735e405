"""Topics."""

from __future__ import annotations

from typing import Any

from pubsubclient._core.arguments import Seconds, check_count, check_flag, check_whole_seconds
from pubsubclient._core.errors import Conflict, InvalidArgument, NotFound, ServiceError, SettingsDiffer
from pubsubclient._core.names import check_name
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport

__all__ = ["Topic", "topic_name"]

_MAX_PARTITIONS = 1_000


class Topic:
    """A topic, by its name. Topics of the same name are equal.

    A name alone does no I/O: the first publish makes the topic. With `partitions` or `retention` it is registered,
    get-or-create: a topic that is there already has to have these settings.

    Args:
        name: 1 to 255 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit, nothing empty between dots
        partitions: the number of logs it consists of, 1 to 1,000 (1); fixed when the topic is made. Each publisher's events
            are in one of them, in their order; more of them take more events a second, and each costs subscribers a read
            a poll, and counts among the 1,000 logs that a subscriber may follow
        retention: how long its events are kept at least, seconds or a timedelta, from 600 (7 days), rounded up to whole ones
        update: change the retention of a topic that has another one
        service: where, as for `Publisher`; used with `partitions` or `retention` only

    Raises:
        InvalidArgument: an argument is out of its range
        ConfigurationError: the topic has other settings; both values are told, and nothing was changed (a Conflict too)
        ServiceError, Unavailable: it could not be registered
    """

    def __init__(
        self,
        name: str,
        partitions: int | None = None,
        retention: Seconds | None = None,
        *,
        update: bool = False,
        service: Address | Service | None = None,
    ) -> None:
        self.name = check_name("topic", name)
        settings: dict[str, int] = {}
        if partitions is not None:
            settings["partitions"] = check_count("partitions", partitions, 1, _MAX_PARTITIONS)
        if retention is not None:
            settings["retention_s"] = check_whole_seconds("retention", retention, 1)
        if check_flag("update", update) and retention is None:
            raise InvalidArgument("update: expected with a retention to change to.")
        if settings:
            _register(Transport.to(find_service(service)), self.name, settings, update=update)

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


def _register(transport: Transport, name: str, settings: dict[str, int], *, update: bool) -> None:
    request: dict[str, object] = {"topic": name, **settings}
    try:
        transport.register(request if update else {**request, "update": False})
    except Conflict as error:
        raise SettingsDiffer(*error.args) from error
    except ServiceError as error:
        if error.code != "unknown_field" or update:
            raise
        # an older service changes what it is told: look first
        found = _found(transport, name)
        for setting, value in settings.items():
            if found.get(setting, value) != value:
                said = f"The topic {name!r} has {found[setting]} as its {setting}; got {value}. Nothing was changed."
                raise SettingsDiffer("register", 409, "settings_differ", said) from None
        transport.call("register", request)


def _found(transport: Transport, name: str) -> dict[str, Any]:
    """The settings of a topic; none of one that is not there."""
    try:
        return transport.call("register", None, method="GET", query={"topic": name}).body
    except NotFound:
        return {}
