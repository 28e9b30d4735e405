"""A loop over events as they come."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Generator
from typing import Any

from pubsubclient._ends import EXIT_DEADLINE_S, Verb, settle_at_exit
from pubsubclient._errors import PubSubError
from pubsubclient._event import ReceivedEvent
from pubsubclient._fetch import Fetch
from pubsubclient._fork import reset_in_child
from pubsubclient._holdings import Holdings
from pubsubclient._lease import Lease, Ref
from pubsubclient._transport import Transport

__all__ = ["Stream"]

#: how long the service is asked to wait at once, seconds
_MAX_POLL_S = 20.0
#: the pause after an answer that brought nothing though it was asked to wait, seconds
_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


class Stream:
    """What one loop has leased: the event that it works on, those to come, and those done with.

    Coming back for the next event means that the current one is done. Its ack travels with the next fetch, or from
    half of the lease's time on by itself; then what is left of the lease is extended.

    Args:
        max_events: at most so many are leased at once
        wait_s: the loop ends when nothing came for so long, seconds; None for never
    """

    def __init__(
        self, transport: Transport, subscriber: str, holdings: Holdings, max_events: int, wait_s: float | None
    ) -> None:
        self._transport = transport
        self._subscriber = subscriber
        self._holdings = holdings
        self._max_events = max_events
        self._wait_s = wait_s
        self._lease: Lease | None = None
        self._current: ReceivedEvent | None = None
        self._left: deque[ReceivedEvent] = deque()
        #: done, and not yet acknowledged
        self._done: list[Ref] = []
        self._closed = threading.Event()
        reset_in_child(self)

    def run(self) -> Generator[ReceivedEvent, None, None]:
        """The loop. However it is left: what is done is acknowledged and what it did not come to is released."""
        try:
            while (event := self._next()) is not None:
                yield event
        finally:
            self._end()

    def close(self) -> None:
        """Have the loop end when it comes back for more."""
        self._closed.set()

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - a loop has its own rules
        """Leave the loop, at the end of the program. Raises ServiceError, Unavailable."""
        settlements = self._leave()
        if settlements:
            self._send(settlements, deadline_s)

    def after_fork(self) -> None:
        """What the loop has leased, and its settlement, stay with the parent."""
        self._lease = self._current = None
        self._left = deque()
        self._done = []
        closed, self._closed = self._closed, threading.Event()
        if closed.is_set():
            self._closed.set()
        settle_at_exit(self, holding=False)

    def __repr__(self) -> str:
        return f"events in a loop of subscriber {self._subscriber!r}"

    def _next(self) -> ReceivedEvent | None:
        """The next event, for as long as it takes; None if the loop is to end."""
        if self._current is not None:
            self._done.append(_ref(self._current))
            self._current = None
        while not self._closed.is_set():
            lease = self._lease
            if lease is not None and self._left:
                if lease.half_over and not lease.ended:
                    self._renew(lease)
                if self._left and not (lease.length_s and lease.ended):
                    self._current = self._left.popleft()
                    return self._current
                # they have come again by now, or will: working on them is work done twice
                self._left.clear()
            if not self._fetch():
                return None
        return None

    def _renew(self, lease: Lease) -> None:
        """Acknowledge what is done, and keep the rest for longer."""
        settlements: dict[str, list[Any]] = self._acks()
        settlements["extend"] = [lease.extension()]
        asked = time.monotonic()
        unknown = self._send(settlements)
        lease.forget(self._done)
        self._done.clear()
        lease.restarted(asked)
        if any(settlement.get("settlement") == "extend" for settlement in unknown):
            self._left.clear()

    def _fetch(self) -> bool:
        """Lease more; says whether there is any before the loop is to end."""
        give_up = None if self._wait_s is None else time.monotonic() + self._wait_s
        while not self._closed.is_set():
            asked = time.monotonic()
            wait_s = _MAX_POLL_S if give_up is None else min(_MAX_POLL_S, max(0.0, give_up - asked))
            settlements = {**self._holdings.abandonments(), **self._acks()}
            fetch = Fetch(self._transport, self._subscriber, self._holdings, self._max_events, wait_s, settlements)
            events = fetch.run()
            self._done.clear()
            self._left.extend(events)
            self._lease = fetch.leases[0] if fetch.leases else None
            settle_at_exit(self, holding=bool(events))
            if events:
                if self._lease is not None and self._lease.half_over:
                    # by a clock that began before the wait did; the service knows when the lease began
                    self._renew(self._lease)
                return True
            now = time.monotonic()
            if give_up is not None and now >= give_up:
                return False
            if now - asked < wait_s / 2:
                # it did not wait, because too much is unsettled elsewhere or a proxy cut it short
                self._closed.wait(_PAUSE_S if give_up is None else min(_PAUSE_S, give_up - now))
        return False

    def _acks(self) -> dict[str, list[Any]]:
        done = self._lease.part(self._done) if self._lease else None
        return {"ack": [done]} if done else {}

    def _leave(self) -> dict[str, list[Any]]:
        """Let go of everything; returns the settlements to send. The current event is left to its lease."""
        settlements = {**self._holdings.abandonments(), **self._acks()}
        rest = self._lease.part([_ref(event) for event in self._left]) if self._lease else None
        if rest:
            settlements.setdefault("release", []).append(rest)
        self._lease = self._current = None
        self._left.clear()
        self._done.clear()
        settle_at_exit(self, holding=False)
        return settlements

    def _end(self) -> None:
        settlements = self._leave()
        if not settlements:
            return
        try:
            self._send(settlements, EXIT_DEADLINE_S)
        except PubSubError as e:
            # a loop is mostly left without anybody to catch it; unsettled events come again in any case
            _log.warning("Subscriber %s: events could not be settled and will come again: %s", self._subscriber, e)

    def _send(self, settlements: dict[str, list[Any]], deadline_s: float | None = None) -> list[dict[str, Any]]:
        """Have settlements carried out now; returns those that did not count."""
        body = self._holdings.send(settlements, deadline_s)
        self._holdings.sent(settlements)
        self._holdings.report(body)
        return body.get("unknown") or []


def _ref(event: ReceivedEvent) -> Ref:
    return event.topic, event.sequence
