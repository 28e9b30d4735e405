"""Events: made here to be published, or received."""

from __future__ import annotations

import reprlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

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
from pubsubclient._events.lease import Lease, Ref, check_lease_s, nack_options
from pubsubclient._events.topic import Topic, topic_name

__all__ = ["Event", "ReceivedEvent"]

#: bytes of one event's JSON
MAX_EVENT_BYTES = 900_000


class Event:
    """An event of a topic, a CloudEvent. It does not change: its data is encoded once, when it is made.

    An Event is published once however often it is tried: publishing the same Event again within 10 minutes, after
    an error or not, gives the same receipt.

    Args:
        topic: its topic, or the name of it
        data: any JSON value, or bytes; None for none. An event is at most 900,000 bytes of JSON, in which bytes take 4/3 of
            their size: about 675,000 of them
        type: what kind of event it is
        subject: what in particular it is about
        id: unique among the events of its publisher; a random UUID by default
        time: when it happened, a datetime with a time zone or RFC 3339 text; now by default
        attributes: further attributes; names of 1 to 256 of ``a-z 0-9`` (CloudEvents recommends at most 20), values str, bool,
            or int of 32 bits

    Raises:
        InvalidArgument: an argument that the service would refuse, naming the place
    """

    __slots__ = ("__weakref__", "_data", "_data_json", "_line", "_members", "first_tries", "topic")

    _max_bytes: ClassVar[int] = MAX_EVENT_BYTES

    def __init__(
        self,
        topic: Topic | str,
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
        #: store time before the first publish was tried, µs, per store (None if not known): publish keeps it, so
        #: that the same event published again is recognised
        self.first_tries: dict[str, int | None] = {}
        members: dict[str, Any] = {
            "specversion": "1.0",
            "id": new_id() if id is None else check_text("id", id),
            "type": check_text("type", type),
            "time": check_time(time),
        }
        if subject is not None:
            members["subject"] = check_text("subject", subject)
        if attributes is not None:
            members.update(check_attributes(attributes))
        #: the members of its JSON but for its data; of a received event all of them
        self._members = members
        self._data = data
        #: the last member of its JSON, as text; None for a received event: encoded only if it is published
        self._data_json: bytes | None = _encode_data_member(data)
        #: all of its JSON, when it was needed once
        self._line: bytes | None = None

    @property
    def id(self) -> str:
        """Unique among the events of its source."""
        return str(self._members["id"])

    @property
    def type(self) -> str:
        """What kind of event it is."""
        return str(self._members["type"])

    @property
    def source(self) -> str | None:
        """Where it comes from: ``/publishers/NAME`` of the publisher that published it first; None before."""
        return self._members.get("source")

    @property
    def subject(self) -> str | None:
        """What in particular it is about."""
        return self._members.get("subject")

    @property
    def time(self) -> datetime | None:
        """When it happened, as its maker said, to the microsecond; None if it did not."""
        text = self._members.get("time")
        return None if text is None else parse_time(text)

    @property
    def data(self) -> Any:
        """Its data: a JSON value, bytes, or None."""
        return self._data

    @property
    def attributes(self) -> dict[str, Attribute]:
        """Its further attributes."""
        return {
            name: value
            for name, value in self._members.items()
            if name not in CORE and name not in ADDED and value is not None
        }

    def encode(self, source: str) -> bytes:
        """The event as it is published: a CloudEvent in JSON. It gets `source` if it has none yet.

        Raises InvalidArgument if that is more than 900,000 bytes.
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
        said = [repr(self.topic), reprlib.repr(self.data), f"type={self.type!r}", f"id={self.id!r}"]
        if self.subject is not None:
            said.append(f"subject={self.subject!r}")
        return f"{self.__class__.__name__}({', '.join(said)})"


#: members that are spliced in as text, or made by the service
_NOT_SENT = ADDED | {"data", "data_base64"}


class ReceivedEvent(Event):
    """An event that a subscriber got, to be settled.

    It can be published again: it stays the same event, with its id, source, attributes and data.
    A copy, or what is unpickled in another process, cannot be settled.
    """

    __slots__ = ("_lease",)

    def __init__(self, members: dict[str, Any], lease: Lease | None) -> None:
        self.topic = members["topic"]
        self.first_tries = {}
        self._members = members
        self._data = self._data_json = self._line = None
        self._lease = lease

    @property
    def data(self) -> Any:
        """Its data: a JSON value, bytes, or None: for none, or for JSON's null, which has ``"data" in event.members``."""
        encoded = self._members.get("data_base64")
        return self._members.get("data") if encoded is None else b64decode(encoded)

    @property
    def sequence(self) -> str:
        """Its place in the topic: partition and index, ``0000-00000000000000000017``."""
        return str(self._members["sequence"])

    @property
    def recordedtime(self) -> datetime:
        """When it was stored."""
        return parse_time(self._members["recordedtime"])

    @property
    def attempt(self) -> int:
        """Which delivery of it this is, from 1."""
        return int(self._members["attempt"])

    def ack(self) -> bool:
        """Settle the event now: it is done.

        Returns:
            Whether that counted; if not, the lease had ended, and the event may come again. An event is settled once:
            what comes later changes nothing, and returns False.

        Raises:
            ServiceError, Unavailable: unknown whether it counted
        """
        return self._held().settle("ack", self.ref)

    def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """Settle the event now: it failed, and comes again as its next attempt.

        Args:
            delay: not before so many seconds (or a timedelta) from now, 0 to 86,400, and up to a second more; if None after
                the subscription's backoff
            reason: why, for the dead letter that it may become; the first 200 characters are kept, U+FFFD for what is
                no Unicode
            dead: it will never succeed: it becomes a dead letter now, whatever its attempt

        Returns, raises:
            as `ack`; InvalidArgument for an argument that is none of its kind, or out of its range: nothing is settled
        """
        return self._held().settle("nack", self.ref, **nack_options(delay, reason, dead=dead))

    def release(self) -> bool:
        """Settle the event now: it was not handled, and comes again at once, as the same attempt.

        Returns, raises:
            as `ack`
        """
        return self._held().settle("release", self.ref)

    def extend(self, seconds: Seconds) -> bool:
        """Keep the event, and those that came with it, for longer: they do not come again meanwhile.

        Args:
            seconds: from now, 1 to 600, rounded up to whole ones; never makes it shorter

        Returns:
            Whether the event is still this process's; if not, it may have come again

        Raises:
            InvalidArgument: `seconds` is out of its range
            ServiceError, Unavailable: unknown whether it counted
        """
        return self._held().extend(self.ref, check_lease_s(seconds))

    @property
    def members(self) -> Mapping[str, Any]:
        """Its JSON, as it came. An attribute that is null there is unset."""
        return self._members

    @property
    def ref(self) -> Ref:
        """What tells it from other events of a subscriber: its topic and sequence."""
        return self.topic, self._members["sequence"]

    def _held(self) -> Lease:
        if self._lease is None:
            raise InvalidArgument("A copied or unpickled event cannot be settled; settle the one that was received.")
        return self._lease

    def __reduce__(self) -> tuple[Any, ...]:
        # a lease belongs to the process, and holds what cannot be pickled
        return ReceivedEvent, (self._members, None), (None, {"first_tries": self.first_tries})

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, sequence={self.sequence!r}, attempt={self.attempt})"


def _encode_data_member(data: Any) -> bytes:
    """The member of an event's JSON that holds its data, with the comma before it. Raises InvalidArgument."""
    if data is None:
        return b""
    if isinstance(data, bytes | bytearray | memoryview):
        return b',"data_base64":"' + b64encode(data.tobytes() if isinstance(data, memoryview) else data) + b'"'
    return b',"data":' + encode_data(data)


def _data_member_of(members: Mapping[str, Any]) -> bytes:
    """The same of an event that was received: its data as it came, JSON's null too, which is not the same as none."""
    encoded = members.get("data_base64")
    if encoded is not None:
        return b',"data_base64":' + encode(encoded)
    return b',"data":' + encode_data(members["data"]) if "data" in members else b""
