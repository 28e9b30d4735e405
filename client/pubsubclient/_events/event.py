"""Events to publish, and received events."""

from __future__ import annotations

import reprlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, overload

from pubsubclient._core.attributes import (
    ADDED,
    CORE,
    Attribute,
    check_attributes,
    check_text,
    check_time,
    parse_time,
)
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._core.ids import new_id
from pubsubclient._core.json import encode, encode_data
from pubsubclient._core.json_data import encode_any_data
from pubsubclient._events.topic import T, Topic, topic_name

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class EventMembers(TypedDict, total=False):
        """The keyword arguments that become members of an event."""

        type: str
        subject: str | None
        id: str | None
        time: datetime | str | None
        attributes: Mapping[str, Attribute] | None


__all__ = ["Event"]

#: the most bytes of one event's JSON
MAX_EVENT_BYTES = 900_000


class Event:
    """An event of a topic: an immutable CloudEvent. The constructor encodes its data.

    Publishing the same Event again within 10 minutes, after an error or not, returns the same receipt and stores nothing
    twice.

    Args:
        topic: the event's topic, or the topic's name
        data: any JSON value, or bytes; None for no data. An event has at most 900,000 bytes of JSON. There, base64 makes
            bytes larger by a third, so about 675,000 of them fit. What Python has beside: datetime, date and time are sent as
            ISO 8601 text; UUID and Decimal as text; an Enum as its value; dataclasses, attrs classes and pydantic models as
            objects. A `Topic` with a type takes data of this type
        type: the kind of event
        subject: the thing that the event is about
        id: unique among the events of its publisher; by default a random UUID
        time: when the event happened, a datetime with a time zone or RFC 3339 text; by default now
        attributes: further attributes; names of 1 to 256 characters of ``a-z 0-9`` (CloudEvents recommends at most 20);
            values str, bool, or int of 32 bits

    Raises:
        InvalidArgument: the service would reject an argument; the message names it
    """

    __slots__ = ("__weakref__", "_data", "_data_json", "_line", "_members", "_tries", "topic")

    _max_bytes: ClassVar[int] = MAX_EVENT_BYTES

    @overload
    def __init__(self, topic: Topic[T], data: T, **members: Unpack[EventMembers]) -> None: ...
    @overload
    def __init__(self, topic: Topic[Any], **members: Unpack[EventMembers]) -> None: ...
    @overload
    def __init__(self, topic: str, data: Any = None, **members: Unpack[EventMembers]) -> None: ...

    def __init__(
        self,
        topic: Topic[Any] | str,
        data: Any = None,
        *,
        type: str = "event",  # noqa: A002 - CloudEvents' own names
        subject: str | None = None,
        id: str | None = None,  # noqa: A002
        time: datetime | str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> None:
        #: the topic's name
        self.topic = topic_name(topic)
        #: what `first_tries` returns; a pair of a store and a time is shared by the events of a request
        self._tries: dict[str, int | None] | tuple[str, int | None] | None = None
        members: dict[str, Any] = {
            "specversion": "1.0",
            "id": new_id() if id is None else check_text("id", id),
            "type": check_text("type", type),
            "time": check_time(time),
        }
        if subject is not None:
            members["subject"] = check_text("subject", subject)
        encoded = data
        if isinstance(topic, Topic):
            members.update(topic.attributes)
            encoded = topic.encode(data)
        if attributes is not None:
            members.update(check_attributes(attributes))
        #: the members of the event's JSON without data; for a received event all members
        self._members = members
        self._data = data
        #: the data member, encoded; None for a received event, which is encoded only if it is published
        self._data_json: bytes | None = _encode_data_member(encoded)
        #: the whole JSON, cached by the first `encode`
        self._line: bytes | None = None

    @property
    def id(self) -> str:
        """Unique among the events of its source."""
        return str(self._members["id"])

    @property
    def type(self) -> str:
        """The kind of event."""
        return str(self._members["type"])

    @property
    def source(self) -> str | None:
        """``/publishers/NAME`` of the publisher that published the event first; None before that."""
        return self._members.get("source")

    @property
    def subject(self) -> str | None:
        """The thing that the event is about."""
        return self._members.get("subject")

    @property
    def time(self) -> datetime | None:
        """When the event happened, to the microsecond; None if the event does not say."""
        text = self._members.get("time")
        return None if text is None else parse_time(text)

    @property
    def data(self) -> Any:
        """The event's data, as it was given: a JSON value, bytes, None, or what `Event` makes a JSON value of."""
        return self._data

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes that have no property of their own."""
        return {
            name: value
            for name, value in self._members.items()
            if name not in CORE and name not in ADDED and value is not None
        }

    def attribute(self, name: str) -> Attribute | None:
        """Return one member of the event's JSON, for this package alone; None if it has none of this name."""
        found: Attribute | None = self._members.get(name)
        return found

    @property
    def first_tries(self) -> dict[str, int | None]:
        """For each store, a store time before the first try to publish the event, µs (None if not known).

        Publish sends it along as `since`, so that the service recognises an event that is published again.
        """
        tries = self._tries
        if not isinstance(tries, dict):
            tries = self._tries = {} if tries is None else dict([tries])
        return tries

    @first_tries.setter
    def first_tries(self, tries: dict[str, int | None]) -> None:  # unpickling: the version before has pickled a dict
        self._tries = tries

    def first_try(self, this_try: tuple[str, int | None]) -> int | None:
        """Return the time of the first try for a store, µs; `this_try`, a store and the present time, if there was none."""
        tries = self._tries
        if tries is None:
            self._tries = this_try
            return this_try[1]
        if type(tries) is tuple and tries[0] == this_try[0]:
            return tries[1]
        return self.first_tries.setdefault(*this_try)

    def was_tried(self, store: str) -> bool:
        """Whether an earlier publish may have stored the event."""
        return self._tries is not None and store in self.first_tries

    def forget_try(self, store: str) -> None:
        """Forget the first try, which had no effect."""
        if self._tries is not None:
            self.first_tries.pop(store, None)

    def carry(self, attributes: Mapping[str, Attribute]) -> None:
        """Add the attributes of a trace, unless the event has them, was received, or was encoded already."""
        if self._line is None and self._data_json is not None and "traceparent" not in self._members:
            self._members.update(attributes)

    def encode(self, source: str) -> bytes:
        """Return the event as it is published: a CloudEvent in JSON. Sets the event's source to `source` if it has none.

        Raises InvalidArgument if the JSON is larger than 900,000 bytes.
        """
        line = self._line
        if line is None:
            head = self._members
            head.setdefault("source", source)
            data = self._data_json
            if data is None:
                head = {name: value for name, value in head.items() if name not in _NOT_SENT and value is not None}
                data = _data_member_of(self._members)
            line = self._line = b"%b%b}" % (encode(head)[:-1], data)
        if len(line) > self._max_bytes:
            raise InvalidArgument(
                f"The event {self.id} is {len(line)} bytes of JSON; at most {self._max_bytes} are expected."
            )
        return line

    def __repr__(self) -> str:
        parts = [repr(self.topic), reprlib.repr(self.data), f"type={self.type!r}", f"id={self.id!r}"]
        if self.subject is not None:
            parts.append(f"subject={self.subject!r}")
        return f"{self.__class__.__name__}({', '.join(parts)})"


#: members of a received event that are not encoded with the others: the service sets them, or they are the data
_NOT_SENT = ADDED | {"data", "data_base64"}


def _encode_data_member(data: Any) -> bytes:
    """Encode the data member of an event's JSON, with a comma before it. Raises InvalidArgument."""
    if data is None:
        return b""
    if isinstance(data, bytes | bytearray | memoryview):
        return b',"data_base64":"' + b64encode(data.tobytes() if isinstance(data, memoryview) else data) + b'"'
    return b',"data":' + encode_any_data(data)


def _data_member_of(members: Mapping[str, Any]) -> bytes:
    """Encode the data member of a received event; JSON's null is kept, and is not the same as no data."""
    encoded = members.get("data_base64")
    if encoded is not None:
        return b',"data_base64":' + encode(encoded)
    return b',"data":' + encode_data(members["data"]) if "data" in members else b""
