"""Collects the outcomes of leased events, and sends them together.

The next fetch carries the pending outcomes; if no fetch follows soon, a background thread sends them, in one request for all
leases. The outcomes of a failed request are sent again. All settlements of this package pass through this module.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from pubsubclient._core.arguments import unpicklable
from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._core.observing import observing_settlement
from pubsubclient._events.lease import Lease
from pubsubclient._fork import reset_in_child
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.notices import Notices
from pubsubclient._subscribe.pending import Collected, Pending, Settlements
from pubsubclient._subscribe.settlements import MAX_SETTLEMENTS, split

__all__ = ["OutcomeSender"]

#: how long an outcome waits for others, or for a fetch that carries it, seconds
_WAIT_S = 0.05
#: the pause after a request that failed, seconds
_PAUSE_S = 1.0
#: the deadline of a request that begins when the time is over, seconds
_LAST_TRY_S = 0.1
#: the thread ends after this long without work, seconds
_IDLE_S = 5.0
#: how many leases that a seek emptied are remembered
_MAX_EXPECTED = 100

_log = logging.getLogger("pubsubclient.subscriber")


class OutcomeSender:
    """The pending outcomes of one subscriber in this process, and what sends them. Thread-safe.

    Args:
        transport: the transport to the subscriber's service
        subscriber: the subscriber's name
        within_s: how long an outcome waits for others, or for a fetch that carries it, seconds; by default 0.05
    """

    def __init__(self, transport: Transport, subscriber: str, within_s: float | None = None) -> None:
        self.call = transport.call
        self.clock = transport.service.clock
        self._transport = transport
        self.subscriber = subscriber
        self._within_s = within_s
        #: tokens of leases that a seek emptied: no warning if their settlements do not count
        self._expected: dict[str, None] = {}
        self.notices = Notices(transport, subscriber)
        self.after_fork()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self.subscriber!r} that were done"

    def __reduce__(self) -> NoReturn:
        raise unpicklable(self)

    @property
    def service(self) -> Service:
        """The service that the outcomes are for."""
        return self._transport.service

    def after_fork(self) -> None:
        """Start empty in the child: the parent keeps its outcomes, and the thread that sends them."""
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._pending = Pending()
        #: monotonic time since which the oldest outcome waits; 0 if none does
        self._since = 0.0
        self._thread: threading.Thread | None = None
        #: whether the thread is sending a request
        self._sending = False
        #: whether the thread is to end as soon as it has no work
        self._closed = False
        settle_at_exit(self, holding=False)

    def release_unknown(self, tokens: Iterable[str]) -> None:
        """Release what broken-off fetches may have leased under these tokens, because nobody received it."""
        with self._lock:
            self._pending.release_unknown(tokens)
            self._begin()

    def expect_unknown(self, leases: Iterable[Lease]) -> None:
        """Do not warn if settlements of these leases do not count, because a seek of this process has emptied them."""
        self._expected.update(dict.fromkeys(lease.token for lease in leases))
        for token in list(self._expected)[:-_MAX_EXPECTED]:
            self._expected.pop(token, None)

    def await_sent(self) -> None:
        """Wait until no request of the background thread is on its way: what it settles counts for the next request."""
        with self._lock:
            self.clock.wait_for(self._work, lambda: not self._sending, self._transport.service.deadline_s)

    def discard(self) -> None:
        """Drop the pending outcomes, because their service or their subscriber is gone."""
        with self._lock:
            self._pending = Pending()
            self._work.notify_all()

    # -- sending outcomes

    def collect(self, *, extensions: bool = True) -> Collected:
        """Remove and return pending outcomes, for a request to carry. Call `settled` or `put_back` after the request.

        A request that waits for events carries no extensions: its response, which tells whether they counted, may come late.
        """
        with self._lock:
            return self._collect(extensions=extensions)

    def settled(self, collected: Collected, body: Mapping[str, Any]) -> list[Any]:
        """Record that the service carried out a request; returns the settlements in it that did not count."""
        unknown = self._told(body)
        with self._lock:
            collected.settled(unknown)
            self._begin()  # failures together, which waited for the rest of their lease
        return unknown

    def _told(self, body: Mapping[str, Any]) -> list[Any]:
        """Log the warnings of a response: settlements that did not count, which are returned too, and topics not followed."""
        unknown: list[Any] = body.get("unknown") or []
        # what was released comes again in any case
        told = [one for one in unknown if one.get("settlement") != "release" and one.get("lease") not in self._expected]
        if told:
            _log.warning("Subscriber %s: settled late, may come again: %s", self.subscriber, told)
        self.notices.read_response(body)
        return unknown

    def put_back(self, collected: Collected) -> None:
        """Make the outcomes of a failed request pending again, except those that are too late to count."""
        with self._lock:
            self._pending.put_back(collected)
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
        with observing_settlement(settlements, self.subscriber, self.service):
            return self._transport.call("get_events", body, deadline_s=deadline_s).body

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - each outcome has its verb
        """Send the pending outcomes at the end of the program. Raises ServiceError, Unavailable."""
        self._send_all(deadline_s)

    def _send_all(self, deadline_s: float | None) -> None:
        give_up = self.clock.monotonic() + (deadline_s or self._transport.service.deadline_s)
        while True:
            self.carry_out({}, max(_LAST_TRY_S, give_up - self.clock.monotonic()))
            with self._lock:
                # one request has room for so many, and other threads may have added some meanwhile
                if not self._pending or self.clock.monotonic() >= give_up:
                    settle_at_exit(self, holding=False)
                    return

    def log_unsettled(self, error: PubSubError) -> None:
        """Warn that events could not be settled, where nobody can catch the error."""
        _log.warning("Subscriber %s: events could not be settled and will come again: %s", self.subscriber, error)

    def _collect(self, *, extensions: bool = True) -> Collected:
        return self._pending.collect(self.clock.monotonic(), extensions=extensions, most=MAX_SETTLEMENTS)

    # -- the thread that sends outcomes that no fetch carries

    def _begin(self, pause_s: float = 0.0) -> None:
        """Wake or start the thread for new outcomes, if there are any. The caller holds the lock."""
        if self._since == 0.0 and self._pending:
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
        """Wait until outcomes are due, and return them; None after _IDLE_S seconds without any, or when closed."""
        within_s = _WAIT_S if self._within_s is None else self._within_s
        with self._lock:
            while True:
                if not self._pending:
                    self._since = 0.0
                    settle_at_exit(self, holding=False)
                    if self._closed or (not self.clock.wait(self._work, _IDLE_S) and self._since == 0.0):
                        self._thread = None
                        return None
                    continue
                left_s = self._since + within_s - self.clock.monotonic()
                if left_s <= 0:
                    self._since, self._sending = 0.0, True
                    collected = self._collect()
                    if self._pending:
                        self._since = self.clock.monotonic()
                    return collected
                self.clock.wait(self._work, left_s)
