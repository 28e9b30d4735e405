"""Events as a subscriber receives them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pubsubclient._core.arguments import Seconds
from pubsubclient._core.attributes import parse_time
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._events.event import Event
from pubsubclient._events.lease import Lease, Ref, check_lease_s, nack_options, release_options

__all__ = ["Received", "ReceivedEvent"]

R = TypeVar("R", bound="Received")


class Received(Event):
    """An event that a subscriber received, without the methods that settle it."""

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

    def seen_as(self, kind: type[R]) -> R:
        """Return the same event, under the same lease, as another kind of received event, for this package alone."""
        return kind(self._members, self._lease)

    def __reduce__(self) -> tuple[Any, ...]:
        # without its lease, which belongs to this process and holds connections
        return type(self), (self._members, None), (None, {"first_tries": self.first_tries})

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, sequence={self.sequence!r}, attempt={self.attempt})"


class ReceivedEvent(Received):
    """An event that a subscriber received, to be settled.

    It can be published again, and stays the same event: with its id, source, attributes and data. A copied or unpickled event
    cannot be settled.
    """

    __slots__ = ()

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
