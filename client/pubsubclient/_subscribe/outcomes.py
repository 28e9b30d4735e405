"""What became of events: recorded one by one, and sent together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pubsubclient._core.arguments import Seconds, check_seconds
from pubsubclient._core.at_exit import Verb
from pubsubclient._events.lease import Lease, check_lease_s, nack_options, release_options
from pubsubclient._events.received import Received
from pubsubclient._subscribe.outcome_sender import OutcomeSender

__all__ = ["Outcomes"]

#: how long `close` waits for the thread to end, seconds
_JOIN_S = 0.1


class Outcomes(OutcomeSender):
    """What became of events, to be told to the service soon, in one request for many: make it by `Subscriber.outcomes`.

    `ack`, `nack`, `release` and `extend` send nothing; they record. A fetch that is given these outcomes carries them.
    Otherwise a background thread sends them soon. After a request that failed it tries again, as long as they can count. The
    first outcome of an event counts. Thread-safe; a forked child begins with none.
    """

    def ack(self, events: Received | Iterable[Received]) -> None:
        """The events are done. Raises InvalidArgument for a copied event."""
        self._add("ack", events, {})

    def nack(
        self,
        events: Received | Iterable[Received],
        delay: Seconds | None = None,
        *,
        reason: str | None = None,
        dead: bool = False,
        together: bool = False,
    ) -> None:
        """The events have failed, and are delivered again.

        Args:
            delay: seconds before the redelivery, as for `ReceivedEvent.nack`
            reason: why the events failed, as for `ReceivedEvent.nack`
            dead: deliver them no more, as for `ReceivedEvent.nack`
            together: the events failed as one, and perhaps only one of them is at fault. This is sent when all other events of
                their lease are settled. They are redelivered in smaller leases, until the bad event fails alone

        Raises:
            InvalidArgument: an argument is of a wrong type or out of its range, or an event is a copy; nothing is recorded
        """
        self._add("nack", events, nack_options(delay, reason, dead=dead), together=together)

    def release(self, events: Received | Iterable[Received], delay: Seconds = 0) -> None:
        """The events were not handled, and are delivered again with the same `attempt`, after `delay`.

        Args, raises:
            as `ReceivedEvent.release`; also InvalidArgument for a copied event
        """
        self._add("release", events, release_options(delay))

    def extend(self, event: Received, seconds: Seconds | None = None) -> None:
        """Extend the lease of the event, and of the events received with it; `event.lost` tells later if that failed.

        Args:
            seconds: how long the lease is to last from the request on, 1 to 600; by default as long as at first

        Raises:
            InvalidArgument: `seconds` is out of its range, or the event is a copy
        """
        self.extend_lease(event.lease, None if seconds is None else check_lease_s(seconds))

    def extend_lease(self, lease: Lease, seconds: float | None = None) -> None:
        """Extend a lease with a later request, to `seconds` from then, or to its own length."""
        with self._lock:
            self._pending.extend(lease, seconds)
            self._begin()

    @property
    def pending(self) -> int:
        """How many events have an outcome that is not on its way to the service."""
        return self._pending.count

    def flush(self, timeout: Seconds | None = None) -> None:
        """Send all outcomes now, and wait until they are carried out.

        Args:
            timeout: for all requests together, seconds; by default the service's deadline

        Raises:
            ServiceError, Unavailable: some were not carried out. They are sent again in the background
        """
        self._send_all(None if timeout is None else check_seconds("timeout", timeout))

    def close(self, timeout: Seconds | None = None) -> None:
        """Send all outcomes as `flush` does, and end the background thread. May be called again.

        Failures that wait for the rest of their lease are sent by name, because this process settles nothing more.
        """
        with self._lock:
            self._pending.name_together()
        try:
            self.flush(timeout)
        finally:
            with self._lock:
                self._closed, thread = True, self._thread
                self._work.notify_all()
            if thread is not None:
                thread.join(_JOIN_S)

    def _add(
        self,
        verb: Verb,
        events: Received | Iterable[Received],
        options: Mapping[str, Any],
        *,
        together: bool = False,
    ) -> None:
        members = tuple(options.items())
        found = [(event.lease, event.ref) for event in ((events,) if isinstance(events, Received) else events)]
        with self._lock:
            for lease, ref in found:
                if not lease.decide(ref):
                    continue
                if together:
                    self._pending.add_together(lease, [ref], members)
                else:
                    self._pending.add(verb, lease, ref, members)
                if verb != "ack":
                    lease.recall_after(ref)
            self._begin()
