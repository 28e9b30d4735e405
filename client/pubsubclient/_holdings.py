"""What a subscriber's threads have in their hands, to be settled by what they do next."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from threading import Thread
from typing import Any

from pubsubclient._ends import Verb, settle_at_exit
from pubsubclient._fork import reset_in_child
from pubsubclient._lease import Lease
from pubsubclient._notices import Notices
from pubsubclient._settlements import split
from pubsubclient._transport import Transport

__all__ = ["Holdings", "add_remainders"]

#: broken-off fetches that are remembered
_MAX_ABANDONED = 100
#: what is left to each request when their time is over, seconds
_LAST_TRY_S = 0.1

_log = logging.getLogger(__name__)


class Holdings:
    """The leases of one subscriber in this process, by thread.

    A thread's leases are settled by its next call, so they belong to it alone. No lock: each thread writes its
    own entry, and the operations of dict and list used here are atomic.
    """

    def __init__(self, transport: Transport, subscriber: str) -> None:
        self._transport = transport
        self._subscriber = subscriber
        # by Thread, not by ident: the ident of a thread that ended is given to another
        self._leases: dict[Thread, list[Lease]] = {}
        #: tokens of fetches that were broken off: what they lease, nobody got; a dict for its order and atomic pop
        self._abandoned: dict[str, None] = {}
        self.notices = Notices(transport, subscriber)
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self._subscriber!r}"

    def come_back(self) -> dict[str, list[Any]]:
        """The calling thread comes back for more; returns the settlements to send along.

        What it has in hand is acknowledged, and what broken-off fetches may have leased is released. From now on
        the former will be acknowledged even if this call fails and an exception follows.
        """
        leases = self._leases.get(threading.current_thread(), [])
        for lease in leases:
            lease.handled = True
        settlements = self.abandonments()
        add_remainders(settlements, "ack", leases)
        return settlements

    def replace(self, leases: list[Lease]) -> None:
        """The calling thread has settled what it had in hand, and holds `leases` now."""
        thread = threading.current_thread()
        if leases:
            self._leases[thread] = leases
        else:
            self._leases.pop(thread, None)
        # what ended threads held is released by settle(); it is not worth keeping when it has come again by itself
        for other, held in list(self._leases.items()):
            if not other.is_alive() and all(lease.ended for lease in held):
                self._leases.pop(other, None)
        settle_at_exit(self, holding=bool(self._leases or self._abandoned))

    def abandon(self, tokens: list[str]) -> None:
        """Fetches under these tokens were broken off: release with the next call what they may have leased."""
        self._abandoned.update(dict.fromkeys(tokens))
        # an outage may be long; the leases of old ones have expired by themselves
        for token in list(self._abandoned)[:-_MAX_ABANDONED]:
            self._abandoned.pop(token, None)
        settle_at_exit(self, holding=True)

    def abandonments(self) -> dict[str, list[Any]]:
        """The settlements that release what broken-off fetches may have leased, to travel with any request."""
        releases = [{"lease": token} for token in list(self._abandoned)]
        return {"release": releases} if releases else {}

    def sent(self, settlements: Mapping[str, list[Any]]) -> None:
        """The service has carried out `settlements`; the broken-off fetches among them are done with."""
        for settlement in settlements.get("release", ()):
            self._abandoned.pop(settlement["lease"], None)

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:
        """Settle all: the calling thread's events by `verb`, those of other threads by release.

        Raises ServiceError or Unavailable; then everything is still held.
        """
        me = threading.current_thread()
        settlements = self.abandonments()
        held = dict(self._leases)
        for thread, leases in held.items():
            add_remainders(settlements, verb if thread is me else "release", leases)
        if settlements:
            self.report(self.send(settlements, deadline_s))
        self.sent(settlements)
        for thread, leases in held.items():
            # a thread that came back meanwhile holds others now
            if self._leases.get(thread) is leases:
                self._leases.pop(thread, None)
        settle_at_exit(self, holding=bool(self._leases or self._abandoned))

    def send(self, settlements: Mapping[str, Any], deadline_s: float | None = None) -> dict[str, Any]:
        """Have settlements carried out now; returns the body of the answer. Raises ServiceError, Unavailable."""
        *before, last = split(settlements)
        give_up = time.monotonic() + (deadline_s or 0.0)
        unknown: list[Any] = []
        for part in before:
            unknown += self._send(part, deadline_s).get("unknown") or []
            deadline_s = deadline_s and max(_LAST_TRY_S, give_up - time.monotonic())
        body = self._send(last, deadline_s)
        return {**body, "unknown": unknown + (body.get("unknown") or [])} if before else body

    def send_most(self, settlements: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
        """Have settlements carried out, but for those that one more request has room for; returns these.

        Raises ServiceError, Unavailable.
        """
        *before, last = split(settlements)
        for part in before:
            self.report(self._send(part, None))
        return last

    def _send(self, settlements: Mapping[str, Any], deadline_s: float | None) -> dict[str, Any]:
        body = {"subscriber": self._subscriber, "max_events": 0, **settlements}
        return self._transport.call("get_events", body, deadline_s=deadline_s).body

    def report(self, body: Mapping[str, Any]) -> None:
        """Say in the log what of the settlements sent along did not count, by an answer's body, and why nothing comes."""
        if body.get("unknown"):
            _log.warning("Subscriber %s: settled late, may come again: %s", self._subscriber, body["unknown"])
        self.notices.answered(body)

    def after_fork(self) -> None:
        """What is in hand, and its settlement, stay with the parent."""
        self._leases = {}
        self._abandoned = {}
        settle_at_exit(self, holding=False)


def add_remainders(settlements: dict[str, list[Any]], verb: Verb, leases: Iterable[Lease]) -> None:
    """Add to `settlements` what is left of leases."""
    for lease in leases:
        remainder = lease.remainder()
        if remainder is not None:
            settlements.setdefault("ack" if lease.handled else verb, []).append(remainder)
