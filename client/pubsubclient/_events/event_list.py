"""Events that a call got, to be settled together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pubsubclient._core.arguments import Seconds
from pubsubclient._core.errors import InvalidArgument
from pubsubclient._events.event import ReceivedEvent
from pubsubclient._events.lease import Lease, check_lease_s, nack_options

__all__ = ["Events"]


class Events(list[ReceivedEvent]):
    """The events that a call got, a list. Its methods settle, in one request, what was not settled event by event.

    Attributes:
        more: whether there may be more to get right now
        lost: how many events of each topic were deleted by retention before this subscriber got them, in total
        blocked: why no more came though there may be some; None if nothing is held back. ``leases``: too much is
            unsettled; ``ordered``: something older is unsettled; ``dead``: dead letters are on their way; ``delayed``: too
            many events wait for their time; ``logs``: topics past the 1,000th log do not come
    """

    #: what holds them; a copy has none
    _leases: Sequence[Lease] = ()
    #: what an older version pickled has none
    blocked: str | None = None

    def __init__(self, leases: Sequence[Lease] = ()) -> None:
        super().__init__()
        self.more = False
        self.lost: dict[str, int] = {}
        self._leases = leases

    def ack(self) -> bool:
        """They are done.

        Returns:
            whether that counted for all; if not, a lease had ended, and some may come again

        Raises:
            ServiceError, Unavailable: unknown whether it counted
        """
        return self._settle("ack")

    def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """They failed, together: they come again in smaller leases, so that one bad event fails alone in the end.

        Args:
            delay, reason, dead: as for `ReceivedEvent.nack`

        Returns, raises:
            as `ack`; InvalidArgument for an argument that is none of its kind, or out of its range
        """
        return self._settle("nack", **nack_options(delay, reason, dead=dead))

    def release(self) -> bool:
        """They were not handled, and come again at once, as the same attempt.

        Returns, raises:
            as `ack`
        """
        return self._settle("release")

    def extend_lease(self, seconds: Seconds) -> bool:
        """Keep them for longer: they do not come again meanwhile.

        Args:
            seconds: from now, 1 to 600, rounded up to whole ones; never makes it shorter

        Returns:
            whether all of them are still this process's; if not, some may have come again

        Raises:
            InvalidArgument: `seconds` is out of its range
            ServiceError, Unavailable: unknown whether it counted
        """
        length_s = check_lease_s(seconds)
        held = self._held()
        if not held:
            return True
        asked = time.monotonic()
        answer = held[0].send({"extend": [lease.extension(length_s) for lease in held]})
        if answer.get("unknown"):
            return False
        for lease in held:
            lease.extended(asked, length_s)
        return True

    def _settle(self, verb: str, **options: Any) -> bool:
        taken = [(lease, part) for lease in self._held() if (part := lease.take())]
        if not taken:
            return True
        answer = taken[0][0].send({verb: [{**part, **options} for _, part in taken]})
        for lease, _ in taken:
            lease.took()
        return not answer.get("unknown")

    def _held(self) -> Sequence[Lease]:
        if self and not self._leases:
            raise InvalidArgument("Copied or unpickled events cannot be settled; settle those that were received.")
        return self._leases

    def __getstate__(self) -> dict[str, Any]:
        # a lease belongs to the process, and holds what cannot be pickled
        return {"more": self.more, "lost": self.lost, "blocked": self.blocked}
