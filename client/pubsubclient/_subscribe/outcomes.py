"""Collects the outcomes of leased events (acks, and releases of broken-off fetches), and sends them together.

The next fetch carries the pending outcomes; if no fetch follows soon, a background thread sends them, within 0.2 s. The
outcomes of a failed request are sent again. All settlements of this package pass through this module.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._events.lease import Lease, Ref
from pubsubclient._fork import reset_in_child
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.notices import Notices
from pubsubclient._subscribe.settlements import MAX_SETTLEMENTS, split

__all__ = ["Collected", "Outcomes", "Settlements"]

#: settlements by verb, as in a request
Settlements = dict[str, list[Any]]

#: how long an outcome waits for others, or for a fetch that carries it, seconds
_WAIT_S = 0.05
#: the pause after a request that failed, seconds
_PAUSE_S = 1.0
#: the deadline of a request that begins when the time is over, seconds
_LAST_TRY_S = 0.1
#: the thread ends after this long without work, seconds
_IDLE_S = 5.0
#: how many broken-off fetches are remembered, and how many leases that a seek emptied
_MAX_UNKNOWN = 100

_log = logging.getLogger("pubsubclient.subscriber")


class Collected:
    """The outcomes that one request carries: acked events, and tokens of leases to release."""

    def __init__(self, acked: dict[Lease, list[Ref]], unknown_tokens: list[str]) -> None:
        self.acked = acked
        self.unknown_tokens = unknown_tokens

    def add_to(self, settlements: Settlements) -> Settlements:
        """Return `settlements` with these outcomes added."""
        releases = [{"lease": token} for token in self.unknown_tokens]
        acks = [part for lease, refs in self.acked.items() if (part := lease.part(refs))]
        both = dict(settlements)
        for verb, entries in (("ack", acks), ("release", releases)):
            if entries:
                both[verb] = [*settlements.get(verb, ()), *entries]
        return both


class Outcomes:
    """The pending outcomes of one subscriber in this process. Thread-safe.

    Args:
        transport: the transport to the subscriber's service
        subscriber: the subscriber's name
    """

    def __init__(self, transport: Transport, subscriber: str) -> None:
        self.call = transport.call
        self.clock = transport.service.clock
        self._transport = transport
        self.subscriber = subscriber
        #: tokens of leases that a seek emptied: no warning if their settlements do not count
        self._expected: dict[str, None] = {}
        self.notices = Notices(transport, subscriber)
        self.after_fork()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self.subscriber!r} that were done"

    @property
    def service(self) -> Service:
        """The service that the outcomes are for."""
        return self._transport.service

    def after_fork(self) -> None:
        """Start empty in the child: the parent keeps its outcomes, and the thread that sends them."""
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._acked: dict[Lease, list[Ref]] = {}
        #: tokens of broken-off fetches, whose leases nobody received; a dict keeps their order
        self._unknown_tokens: dict[str, None] = {}
        #: monotonic time since which the oldest outcome waits; 0 if none does
        self._since = 0.0
        self._thread: threading.Thread | None = None
        #: whether the thread is sending a request
        self._sending = False
        settle_at_exit(self, holding=False)

    # -- recording outcomes

    def ack(self, lease: Lease, ref: Ref) -> None:
        """Acknowledge an event with a later request."""
        with self._lock:
            refs = self._acked.get(lease)
            if refs is not None:
                refs.append(ref)
                return
            self._acked[lease] = [ref]
            self._begin()

    def release_unknown(self, tokens: Iterable[str]) -> None:
        """Release what broken-off fetches may have leased under these tokens, because nobody received it."""
        with self._lock:
            self._unknown_tokens.update(dict.fromkeys(tokens))
            # keeps the newest: in a long outage, the leases of the oldest have expired by themselves
            for token in list(self._unknown_tokens)[:-_MAX_UNKNOWN]:
                del self._unknown_tokens[token]
            if self._unknown_tokens:
                self._begin()

    def forget(self) -> None:
        """Drop all pending outcomes, because the subscriber was removed."""
        with self._lock:
            self._acked.clear()
            self._unknown_tokens.clear()

    def expect_unknown(self, leases: Iterable[Lease]) -> None:
        """Do not warn if settlements of these leases do not count, because a seek of this process has emptied them."""
        self._expected.update(dict.fromkeys(lease.token for lease in leases))
        for token in list(self._expected)[:-_MAX_UNKNOWN]:
            self._expected.pop(token, None)

    # -- sending outcomes

    def collect(self) -> Collected:
        """Remove and return pending outcomes, for a request to carry. Call `settled` or `put_back` after the request."""
        with self._lock:
            return self._collect()

    def settled(self, collected: Collected, body: Mapping[str, Any]) -> list[Any]:
        """Record that the service carried out a request; returns the settlements in it that did not count."""
        for lease, refs in collected.acked.items():
            lease.forget(refs)
        return self._told(body)

    def _told(self, body: Mapping[str, Any]) -> list[Any]:
        """Log the warnings of a response: settlements that did not count, which are returned too, and topics not followed."""
        unknown: list[Any] = body.get("unknown") or []
        told = [one for one in unknown if one.get("lease") not in self._expected] if self._expected else unknown
        if told:
            _log.warning("Subscriber %s: settled late, may come again: %s", self.subscriber, told)
        self.notices.read_response(body)
        return unknown

    def put_back(self, collected: Collected) -> None:
        """Make the outcomes of a failed request pending again, except acks that are too late to count."""
        with self._lock:
            later, self._acked = self._acked, {lease: refs for lease, refs in collected.acked.items() if not lease.over}
            for lease, refs in later.items():
                self._acked.setdefault(lease, []).extend(refs)
            self._unknown_tokens = dict.fromkeys([*collected.unknown_tokens, *self._unknown_tokens])
            if self._acked or self._unknown_tokens:
                self._begin(pause_s=_PAUSE_S)

    def drop_ahead(self, collected: Collected, error: BaseException) -> bool:
        """After a refused request, drop tokens of broken-off fetches that are ahead of the store time.

        Such tokens were made before this process knew that the store's clock was set back. The service accepts none of them.
        Returns whether tokens were dropped; then the request can be sent again.
        """
        if not isinstance(error, ServiceError) or error.code != "invalid_token":
            return False
        ahead = [token for token in collected.unknown_tokens if self._transport.clock.is_behind(token)]
        collected.unknown_tokens = [token for token in collected.unknown_tokens if token not in ahead]
        return bool(ahead)

    def carry_out(self, settlements: Settlements, deadline_s: float | None = None) -> list[Any]:
        """Send `settlements` and the pending outcomes now; returns the settlements that did not count.

        Raises ServiceError or Unavailable; then the outcomes are pending again, and the caller may send `settlements` again.
        """
        give_up = self.clock.monotonic() + (deadline_s or self._transport.service.deadline_s)
        with self._lock:
            # the outcomes that the thread is sending are older than these, and must take effect first
            self.clock.wait_for(self._work, lambda: not self._sending, give_up - self.clock.monotonic())
            collected = self._collect()
        said = collected.add_to(settlements)
        if not said:
            return []
        try:
            body = self.send(said, max(_LAST_TRY_S, give_up - self.clock.monotonic()))
        except BaseException as error:
            again = self.drop_ahead(collected, error)
            self.put_back(collected)
            if again:
                return self.carry_out(settlements, max(_LAST_TRY_S, give_up - self.clock.monotonic()))
            raise
        return self.settled(collected, body)

    def send(self, settlements: Mapping[str, Any], deadline_s: float | None = None) -> dict[str, Any]:
        """Send `settlements` now, without pending outcomes; returns the body. Raises ServiceError, Unavailable."""
        *before, last = split(settlements)
        give_up = self.clock.monotonic() + (deadline_s or 0.0)
        unknown: list[Any] = []
        for part in before:
            unknown += self._send(part, deadline_s).get("unknown") or []
            deadline_s = deadline_s and max(_LAST_TRY_S, give_up - self.clock.monotonic())
        body = self._send(last, deadline_s)
        return {**body, "unknown": unknown + (body.get("unknown") or [])} if before else body

    def send_most(self, settlements: Settlements) -> Settlements:
        """Send all settlements but those that fit one more request, and return these. Raises ServiceError, Unavailable."""
        *before, last = split(settlements)
        for part in before:
            self._told(self._send(part, None))
        return {verb: [*entries] for verb, entries in last.items()}

    def _send(self, settlements: Mapping[str, Any], deadline_s: float | None) -> dict[str, Any]:
        body = {"subscriber": self.subscriber, "max_events": 0, **settlements}
        return self._transport.call("get_events", body, deadline_s=deadline_s).body

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - each outcome has its verb
        """Send the pending outcomes at the end of the program. Raises ServiceError, Unavailable."""
        give_up = self.clock.monotonic() + (deadline_s or self._transport.service.deadline_s)
        while True:
            self.carry_out({}, max(_LAST_TRY_S, give_up - self.clock.monotonic()))
            with self._lock:
                # one request has room for so many, and other threads may have added some meanwhile
                if not (self._acked or self._unknown_tokens) or self.clock.monotonic() >= give_up:
                    settle_at_exit(self, holding=False)
                    return

    def log_unsettled(self, error: PubSubError) -> None:
        """Warn that events could not be settled, where nobody can catch the error."""
        _log.warning("Subscriber %s: events could not be settled and will come again: %s", self.subscriber, error)

    def _collect(self) -> Collected:
        acked, named = {}, 0
        while self._acked and named < MAX_SETTLEMENTS:
            lease = next(iter(self._acked))
            acked[lease] = self._acked.pop(lease)
            named += len(acked[lease])
        unknown_tokens, self._unknown_tokens = list(self._unknown_tokens), {}
        return Collected(acked, unknown_tokens)

    # -- the thread that sends outcomes that no fetch carries

    def _begin(self, pause_s: float = 0.0) -> None:
        """Wake or start the thread for a new outcome. The caller holds the lock."""
        if self._since == 0.0:
            self._since = self.clock.monotonic() + pause_s
            settle_at_exit(self, holding=True)
            if self._thread is None:
                name = f"settlements of {self.subscriber}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                with contextlib.suppress(RuntimeError):  # the program ends: its exit handler sends the outcomes
                    thread.start()
                    self._thread = thread
            else:
                self._work.notify_all()

    def _run(self) -> None:
        while (collected := self._next()) is not None:
            self._send_collected(collected)
            with self._lock:
                self._sending = False
                self._work.notify_all()

    def _send_collected(self, collected: Collected) -> None:
        said = collected.add_to({})
        if not said:
            return
        try:
            body = self.send(said)
        except ServiceError as error:
            if self.drop_ahead(collected, error):
                self.put_back(collected)
            elif error.code != "unknown_subscriber":  # if it was removed, there is nothing to settle any more
                # another try would be refused too, so the outcomes are dropped, and the events come again
                self.log_unsettled(error)
        except PubSubError:
            self.put_back(collected)  # the transport logs the outage
        else:
            self.settled(collected, body)

    def _next(self) -> Collected | None:
        """Wait until outcomes are due, and return them; None after _IDLE_S seconds without any."""
        with self._lock:
            while True:
                if not self._acked and not self._unknown_tokens:
                    self._since = 0.0
                    settle_at_exit(self, holding=False)
                    if not self.clock.wait(self._work, _IDLE_S) and self._since == 0.0:
                        self._thread = None
                        return None
                    continue
                left_s = self._since + _WAIT_S - self.clock.monotonic()
                if left_s <= 0:
                    self._since, self._sending = 0.0, True
                    collected = self._collect()
                    if self._acked or self._unknown_tokens:
                        self._since = self.clock.monotonic()
                    return collected
                self.clock.wait(self._work, left_s)
