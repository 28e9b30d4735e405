"""Outcomes of events, collected in the loop and sent by threads."""

from __future__ import annotations

from collections.abc import Iterable

from pubsubclient._core.arguments import Seconds
from pubsubclient._events.received import Received
from pubsubclient._subscribe import outcomes
from pubsubclient.aio._call import call

__all__ = ["Outcomes", "blocking_outcomes"]


class Outcomes:
    """`pubsubclient.Outcomes`; `flush` and `close`, which send requests, are awaited. The other methods only record."""

    def __init__(self, blocking: outcomes.Outcomes) -> None:
        self._blocking = blocking

    def ack(self, events: Received | Iterable[Received]) -> None:
        """As `pubsubclient.Outcomes.ack`."""
        self._blocking.ack(events)

    def nack(
        self,
        events: Received | Iterable[Received],
        delay: Seconds | None = None,
        *,
        reason: str | None = None,
        dead: bool = False,
        together: bool = False,
    ) -> None:
        """As `pubsubclient.Outcomes.nack`."""
        self._blocking.nack(events, delay, reason=reason, dead=dead, together=together)

    def release(self, events: Received | Iterable[Received], delay: Seconds = 0) -> None:
        """As `pubsubclient.Outcomes.release`."""
        self._blocking.release(events, delay)

    def extend(self, event: Received, seconds: Seconds | None = None) -> None:
        """As `pubsubclient.Outcomes.extend`."""
        self._blocking.extend(event, seconds)

    @property
    def pending(self) -> int:
        """How many events have an outcome that is not on its way to the service."""
        return self._blocking.pending

    async def flush(self, timeout: Seconds | None = None) -> None:
        """As `pubsubclient.Outcomes.flush`."""
        await call(self._blocking.flush, timeout)

    async def close(self, timeout: Seconds | None = None) -> None:
        """As `pubsubclient.Outcomes.close`."""
        await call(self._blocking.close, timeout)

    def __repr__(self) -> str:
        return repr(self._blocking)


def blocking_outcomes(wrapped: Outcomes | None) -> outcomes.Outcomes | None:
    """Return the outcomes behind these, for `fetch`."""
    return None if wrapped is None else wrapped._blocking  # noqa: SLF001 - of this module
