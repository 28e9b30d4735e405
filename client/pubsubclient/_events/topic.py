"""Topics: their names, and their registration with settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, overload

from pubsubclient._core.arguments import Seconds, check_count, check_flag, check_whole_seconds
from pubsubclient._core.attributes import Attribute, check_attributes
from pubsubclient._core.errors import Conflict, InvalidArgument, NotFound, ServiceError, SettingsDiffer
from pubsubclient._core.names import check_name, check_topic
from pubsubclient._core.typed_data import Codec, Unfit, codec_of
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service
from pubsubclient._http.transport import Transport

if TYPE_CHECKING:  # at run time, typing has no defaults before Python 3.13
    from typing_extensions import TypedDict, TypeForm, TypeVar, Unpack

    T = TypeVar("T", default=Any)

    class _Settings(TypedDict, total=False):
        update: bool
        service: Address | Service | None
        datacontenttype: str | None
        dataschema: str | None
else:
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["T", "Topic", "topic_name"]

_MAX_PARTITIONS = 1_000


class Topic(Generic[T]):
    """A topic, named. Topics of the same name are equal.

    With a name alone, the constructor does no I/O; the first publish creates the topic. With `partitions` or `retention`,
    the constructor registers the topic (get-or-create). An existing topic must have these settings already.

    With `of`, the topic's data has a type: ``orders: Topic[Order] = Topic("orders", of=Order)``. Publishing encodes such data,
    and an `App`'s handlers decode it; both check it. ``Topic("orders")`` is a ``Topic[Any]``.

    Args:
        name: 1 to 255 of ``A-Z a-z 0-9 . _ ~ % + -``, first a letter or digit, at least one character before, between and
            after dots
        partitions: the number of logs, 1 to 1,000 (1); fixed when the topic is created. All events of one publisher are in
            one partition, in order. More partitions accept more events per second; each costs a subscriber one read per poll,
            and counts towards the 1,000 logs that a subscriber may follow
        retention: keep events at least this long, seconds or a timedelta, from 600 (7 days), rounded up to whole seconds
        update: change the retention of an existing topic
        service: the service, as for `Publisher`; used with `partitions` or `retention` only
        of: the type of the data of the topic's events: a dataclass, TypedDict, NamedTuple, attrs class, ``msgspec.Struct``, a
            pydantic model, or one of ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool``, ``bytes``; also what is made
            of these, as ``list[Order]``. All but pydantic models and the last seven need the extra ``typed``
        datacontenttype: the media type of the data, an attribute of all events that are made for this topic
        dataschema: the URI of the data's schema, likewise

    Raises:
        InvalidArgument: an argument is out of its range
        ConfigurationError: `of` cannot be decoded from JSON, or needs an extra that is not installed; or the topic has other
            settings: the message names both values, and nothing was changed. The latter error is a Conflict too
        ServiceError, Unavailable: the topic could not be registered
    """

    # what an earlier version pickled has none of these
    of: Any = None
    #: attributes of the events that are made for this topic
    attributes: Mapping[str, Attribute] = MappingProxyType({})
    _codec: Codec | None = None

    @overload
    def __init__(
        self,
        name: str,
        partitions: int | None = None,
        retention: Seconds | None = None,
        *,
        of: TypeForm[T],
        **settings: Unpack[_Settings],
    ) -> None: ...
    @overload
    def __init__(
        self: Topic[Any],
        name: str,
        partitions: int | None = None,
        retention: Seconds | None = None,
        *,
        of: None = None,
        **settings: Unpack[_Settings],
    ) -> None: ...

    def __init__(
        self,
        name: str,
        partitions: int | None = None,
        retention: Seconds | None = None,
        *,
        update: bool = False,
        service: Address | Service | None = None,
        of: Any = None,
        datacontenttype: str | None = None,
        dataschema: str | None = None,
    ) -> None:
        self.name = check_name("topic", name)
        if of is not None:
            self.of, self._codec = of, codec_of(of)
        given = {"datacontenttype": datacontenttype, "dataschema": dataschema}
        if attributes := {key: value for key, value in given.items() if value is not None}:
            self.attributes = check_attributes(attributes)
        settings: dict[str, int] = {}
        if partitions is not None:
            settings["partitions"] = check_count("partitions", partitions, 1, _MAX_PARTITIONS)
        if retention is not None:
            settings["retention_s"] = check_whole_seconds("retention", retention, 1)
        if check_flag("update", update) and retention is None:
            raise InvalidArgument("update: expected with a retention to change to.")
        if settings:
            _register(Transport.to(find_service(service)), self.name, settings, update=update)

    @property
    def codec(self) -> Codec | None:
        """Converts the topic's data; None if its type is not declared."""
        return self._codec

    def encode(self, data: Any) -> Any:
        """Return data of an event of this topic in JSON's own types, or bytes. Raises InvalidArgument if it does not fit."""
        if self._codec is None:
            return data
        try:
            return self._codec.encode(data)
        except Unfit as fault:
            raise InvalidArgument(f"The data does not fit {self!r}, {self.of!r}: {fault}") from fault

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_codec"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.of is not None:
            self._codec = codec_of(self.of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topic) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Topic({self.name!r})"

    def __str__(self) -> str:
        return self.name


def topic_name(topic: Topic[Any] | str) -> str:
    """Return the name of a topic, given as a Topic or a name. Raises InvalidArgument."""
    if type(topic) is str:
        return check_topic(topic)
    return topic.name if isinstance(topic, Topic) else check_name("topic", topic)


def _register(transport: Transport, name: str, settings: dict[str, int], *, update: bool) -> None:
    request: dict[str, object] = {"topic": name, **settings}
    try:
        transport.register(request if update else {**request, "update": False})
    except Conflict as error:
        # the service says what its HTTP callers send; programs pass an argument
        detail = error.detail.replace('send "update": true', "pass update=True")
        raise SettingsDiffer(error.function, error.status, error.code, detail, error.extra) from error
    except ServiceError as error:
        if error.code != "unknown_field" or update:
            raise
        # an older service does not know "update", and would change the settings: compare them first
        found = _existing_settings(transport, name)
        for setting, value in settings.items():
            if found.get(setting, value) != value:
                how = "; pass update=True to change the retention" if setting == "retention_s" else ""
                detail = (
                    f"The topic {name!r} has {found[setting]} as its {setting}; got {value}. Nothing was changed{how}."
                )
                raise SettingsDiffer("register", 409, "settings_differ", detail) from None
        transport.call("register", request)


def _existing_settings(transport: Transport, name: str) -> dict[str, Any]:
    """Return the settings of a topic; an empty dict if the topic does not exist."""
    try:
        return transport.call("register", None, method="GET", query={"topic": name}).body
    except NotFound:
        return {}
