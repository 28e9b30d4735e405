"""Events to publish, and received events."""

from __future__ import annotations

import reprlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, overload

from pubsubclient._core.arguments import Seconds
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
from pubsubclient._events.lease import Lease, Ref, check_lease_s, nack_options, release_options
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


__all__ = ["Event", "ReceivedEvent"]

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


class ReceivedEvent(Event):
    """An event that a subscriber received, to be settled.

    It can be published again, and stays the same event: with its id, source, attributes and data. A copied or unpickled event
    cannot be settled.
    """

    __slots__ = ("_lease",)

    def __init__(self, members: dict[str, Any], lease: Lease | None) -> None:
        self.topic = members["topic"]
        self._tries = None
        self._members = members
        self._data = self._data_json = self._line = None
        self._lease = lease

    @property
    def data(self) -> Any:
        """The event's data: a JSON value, bytes, or None. JSON's null is None too, with ``"data" in event.members``."""
        encoded = self._members.get("data_base64")
        return self._members.get("data") if encoded is None else b64decode(encoded)

    @property
    def sequence(self) -> str:
        """The event's position in the topic: partition and offset, ``0000-00000000000000000017``."""
        return str(self._members["sequence"])

    @property
    def recordedtime(self) -> datetime:
        """When the service stored the event."""
        return parse_time(self._members["recordedtime"])

    @property
    def attempt(self) -> int:
        """The number of this delivery, from 1; 0 for an event of a `peek`, which is no delivery."""
        return int(self._members.get("attempt", 0))

    def ack(self) -> bool:
        """Settle the event now, as done.

        Returns:
            whether the ack counted; if not, the lease had ended, and the event may be delivered again. Only the first
            settlement of an event counts; later ones change nothing and return False.

        Raises:
            ServiceError, Unavailable: the ack may or may not have counted
        """
        return self.lease.settle("ack", self.ref)

    def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """Settle the event now, as failed; it is delivered again, with the next number of `attempt`.

        Args:
            delay: seconds (or a timedelta) before the redelivery, 0 to 86,400, and up to a second longer; by default the
                subscription's backoff
            reason: the cause, for the dead letter that the event may become; the first 200 characters are kept, with U+FFFD
                for lone surrogates
            dead: the event will never succeed: make it a dead letter now, whatever its attempt

        Returns, raises:
            as `ack`; also InvalidArgument for an argument of a wrong type or out of its range: then nothing is settled
        """
        return self.lease.settle("nack", self.ref, **nack_options(delay, reason, dead=dead))

    def release(self, delay: Seconds = 0) -> bool:
        """Settle the event now, as not handled; it is delivered again, with the same `attempt`.

        Args:
            delay: seconds (or a timedelta) before the redelivery, 0 to 86,400, and up to a second longer; by default at once

        Returns, raises:
            as `ack`; also InvalidArgument for a delay of a wrong type or out of its range: then nothing is settled
        """
        return self.lease.settle("release", self.ref, **release_options(delay))

    def extend(self, seconds: Seconds) -> bool:
        """Extend the lease of the event, and of the events received with it: nobody else gets them meanwhile.

        Args:
            seconds: how long the lease lasts from now, 1 to 600, rounded up to whole seconds; never shortens the lease

        Returns:
            whether this process still holds the event; if not, it may have been delivered again

        Raises:
            InvalidArgument: `seconds` is out of its range
            ServiceError, Unavailable: the lease may or may not have been extended
        """
        return self.lease.extend(self.ref, check_lease_s(seconds))

    @property
    def lost(self) -> bool:
        """Whether the lease of this event has ended, as far as this process knows: then somebody else may have the event.

        A handler that takes long can look, and stop.
        """
        return self.lease.gone

    @property
    def settled(self) -> bool:
        """Whether this program has settled the event itself, by `ack`, `nack` or `release`, or has tried to."""
        return self._lease is not None and not self._lease.is_open(self.ref)

    @property
    def members(self) -> Mapping[str, Any]:
        """The event's JSON, as the service sent it. An attribute that is null there is unset."""
        return self._members

    @property
    def ref(self) -> Ref:
        """The event's topic and sequence, which identify it within a subscriber."""
        return self.topic, self._members["sequence"]

    @property
    def lease(self) -> Lease:
        """The lease that holds the event, for this package alone. Raises InvalidArgument for a copy."""
        if self._lease is None:
            raise InvalidArgument("A copied or unpickled event cannot be settled; settle the one that was received.")
        return self._lease

    def __reduce__(self) -> tuple[Any, ...]:
        # without its lease, which belongs to this process and holds connections
        return ReceivedEvent, (self._members, None), (None, {"first_tries": self.first_tries})

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, sequence={self.sequence!r}, attempt={self.attempt})"


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
