"""Received events whose methods are awaited."""

from __future__ import annotations

from typing import Any

from pubsubclient._core.arguments import Seconds
from pubsubclient._events import event_list, received
from pubsubclient.aio._call import call

__all__ = ["Events", "ReceivedEvent"]


class ReceivedEvent(received.Received):
    """`pubsubclient.ReceivedEvent`, whose methods that settle it are awaited."""

    __slots__ = ()

    async def ack(self) -> bool:
        """As `pubsubclient.ReceivedEvent.ack`. When it is cancelled, the ack may or may not count."""
        return await call(self._blocking().ack)

    async def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """As `pubsubclient.ReceivedEvent.nack`. When it is cancelled, the nack may or may not count."""
        return await call(self._blocking().nack, delay, reason=reason, dead=dead)

    async def release(self, delay: Seconds = 0) -> bool:
        """As `pubsubclient.ReceivedEvent.release`. When it is cancelled, the release may or may not count."""
        return await call(self._blocking().release, delay)

    async def extend(self, seconds: Seconds) -> bool:
        """As `pubsubclient.ReceivedEvent.extend`."""
        return await call(self._blocking().extend, seconds)

    def _blocking(self) -> received.ReceivedEvent:
        return self.seen_as(received.ReceivedEvent)


class Events(list[ReceivedEvent]):
    """`pubsubclient.Events`, whose methods are awaited.

    Attributes:
        more, lost, blocked: as those of `pubsubclient.Events`
    """

    #: the events with methods that block; a copy has none
    _blocking: event_list.Events | None = None

    def __init__(self, blocking: event_list.Events) -> None:
        super().__init__(event.seen_as(ReceivedEvent) for event in blocking)
        self.more = blocking.more
        self.lost = blocking.lost
        self.blocked = blocking.blocked
        self._blocking = blocking

    async def ack(self) -> bool:
        """As `pubsubclient.Events.ack`. When it is cancelled, the ack may or may not count."""
        return await call(self._settling().ack)

    async def nack(self, delay: Seconds | None = None, *, reason: str | None = None, dead: bool = False) -> bool:
        """As `pubsubclient.Events.nack`. When it is cancelled, the nack may or may not count."""
        return await call(self._settling().nack, delay, reason=reason, dead=dead)

    async def release(self, delay: Seconds = 0) -> bool:
        """As `pubsubclient.Events.release`. When it is cancelled, the release may or may not count."""
        return await call(self._settling().release, delay)

    async def extend_lease(self, seconds: Seconds) -> bool:
        """As `pubsubclient.Events.extend_lease`."""
        return await call(self._settling().extend_lease, seconds)

    def _settling(self) -> event_list.Events:
        if self._blocking is not None:
            return self._blocking
        copied = event_list.Events()  # whose methods say that a copy cannot be settled
        copied += [event.seen_as(received.ReceivedEvent) for event in self]
        return copied

    def __getstate__(self) -> dict[str, Any]:
        return {"more": self.more, "lost": self.lost, "blocked": self.blocked}
