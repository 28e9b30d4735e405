"""The events that one call received, which can be settled together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pubsubclient._core.arguments import Seconds
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._events.lease import Lease, check_lease_s, nack_options, release_options
from pubsubclient._events.received import ReceivedEvent

__all__ = ["Events"]


class Events(list[ReceivedEvent]):
    """The events that one call received: a list. Its methods settle, in one request, the events that are still unsettled.

    Attributes:
        more: whether more events may be available right now
        lost: for each topic, how many events retention has deleted before this subscriber received them, in total
        blocked: why the service holds events back; None if it does not. ``leases``: too many events are unsettled;
            ``ordered``: an older event is unsettled; ``dead``: dead letters are being published; ``delayed``: too many events
            are delayed; ``logs``: the subscriber follows 1,000 logs already, and gets no events of further topics
    """

    #: the leases of the events; a copy has none
    _leases: Sequence[Lease] = ()
    #: a class attribute too, because pickles of an older version lack it
    blocked: str | None = None

    def __init__(self, leases: Sequence[Lease] = ()) -> None:
        super().__init__()
        self.more = False
        self.lost: dict[str, int] = {}
        self._leases = leases

    def ack(self) -> bool:
        """Settle the events as done.

        Returns:
            whether the ack counted for all events; if not, a lease had ended, and some may be delivered again

        Raises:
            ServiceError, Unavailable: the ack may or may not have counted
        """
        return self._settle("ack")

    def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """Settle the events as failed together. They are redelivered in smaller leases, until a bad event fails alone.

        Args:
            delay: seconds before the redelivery, as for `ReceivedEvent.nack`
            reason: why the events failed, as for `ReceivedEvent.nack`
            dead: deliver them no more, as for `ReceivedEvent.nack`

        Returns, raises:
            as `ack`; also InvalidArgument for an argument of a wrong type or out of its range
        """
        return self._settle("nack", **nack_options(delay, reason, dead=dead))

    def release(self, delay: Seconds = 0) -> bool:
        """Settle the events as not handled. They are delivered again, with the same `attempt`.

        Args:
            delay: as for `ReceivedEvent.release`

        Returns, raises:
            as `ack`; also InvalidArgument for a delay of a wrong type or out of its range
        """
        return self._settle("release", **release_options(delay))

    def extend_lease(self, seconds: Seconds) -> bool:
        """Extend the leases of the events: nobody else gets them meanwhile.

        Args:
            seconds: how long the leases last from now, 1 to 600, rounded up to whole seconds; never shortens a lease

        Returns:
            whether this process still holds all of the events; if not, some may have been delivered again

        Raises:
            InvalidArgument: `seconds` is out of its range
            ServiceError, Unavailable: the leases may or may not have been extended
        """
        length_s = check_lease_s(seconds)
        held = self._held()
        if not held:
            return True
        asked = held[0].clock.monotonic()
        body = held[0].send({"extend": [lease.extension(length_s) for lease in held]})
        if body.get("unknown"):
            return False
        for lease in held:
            lease.extended(asked, length_s)
        return True

    def _settle(self, verb: str, **options: Any) -> bool:
        settlements = [(lease, part) for lease in self._held() if (part := lease.take())]
        if not settlements:
            return True
        body = settlements[0][0].send({verb: [{**part, **options} for _, part in settlements]})
        for lease, _ in settlements:
            lease.took()
        return not body.get("unknown")

    def _held(self) -> Sequence[Lease]:
        if self and not self._leases:
            raise InvalidArgument("Copied or unpickled events cannot be settled; settle those that were received.")
        return self._leases

    def __getstate__(self) -> dict[str, Any]:
        # without the leases, which belong to this process and hold connections
        return {"more": self.more, "lost": self.lost, "blocked": self.blocked}
