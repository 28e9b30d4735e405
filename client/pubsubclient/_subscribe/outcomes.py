"""What became of leased events, on its way to the service: collected, and sent for all of them in one request.

Outcomes travel with the next fetch, or in a request of their own within 0.2 s, whichever comes first. What a failed request
carried is sent again. This is the one way in which this package settles events.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pubsubclient._core.at_exit import Verb, settle_at_exit
from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._events.lease import Lease, Ref
from pubsubclient._fork import reset_in_child
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.notices import Notices
from pubsubclient._subscribe.settlements import MAX_SETTLEMENTS, split

__all__ = ["Collected", "Outcomes", "Settlements"]

#: entries by their verb, as a request has them
Settlements = dict[str, list[Any]]

#: how long an outcome waits for others, or for a fetch that takes it along, seconds
_WAIT_S = 0.05
#: the pause after a request that failed, seconds
_PAUSE_S = 1.0
#: what is left to a request when the time is over, seconds
_LAST_TRY_S = 0.1
#: the thread ends when it had nothing to do for so long, seconds
_IDLE_S = 5.0
#: broken-off fetches that are remembered
_MAX_ABANDONED = 100

_log = logging.getLogger("pubsubclient.subscriber")


class Collected:
    """Outcomes that are in a request: what it is to say, and of which events."""

    def __init__(self, acked: dict[Lease, list[Ref]], abandoned: list[str]) -> None:
        self.acked = acked
        self.abandoned = abandoned

    def add_to(self, settlements: Settlements) -> Settlements:
        """These and what a request settles besides."""
        releases = [{"lease": token} for token in self.abandoned]
        acks = [part for lease, refs in self.acked.items() if (part := lease.part(refs))]
        both = dict(settlements)
        for verb, entries in (("ack", acks), ("release", releases)):
            if entries:
                both[verb] = [*settlements.get(verb, ()), *entries]
        return both


class Outcomes:
    """The outcomes of one subscriber in this process. Thread-safe.

    Args:
        transport: to its service
        subscriber: its name
    """

    def __init__(self, transport: Transport, subscriber: str) -> None:
        self.call = transport.call
        self._transport = transport
        self.subscriber = subscriber
        #: tokens of leases that somebody's seek emptied: that their settlements do not count is no news
        self._expected: dict[str, None] = {}
        self.notices = Notices(transport, subscriber)
        self.after_fork()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"events of subscriber {self.subscriber!r} that were done"

    def after_fork(self) -> None:
        """What is to be settled stays with the parent, and so does the thread."""
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._acked: dict[Lease, list[Ref]] = {}
        #: tokens of fetches that were broken off: what they lease, nobody got; a dict for its order
        self._abandoned: dict[str, None] = {}
        #: monotonic time of the oldest outcome that waits
        self._since = 0.0
        self._thread: threading.Thread | None = None
        #: whether the thread's own request is under way
        self._sending = False
        settle_at_exit(self, holding=False)

    # -- saying what became of events

    def ack(self, lease: Lease, ref: Ref) -> None:
        """An event is done."""
        with self._lock:
            refs = self._acked.get(lease)
            if refs is not None:
                refs.append(ref)
                return
            self._acked[lease] = [ref]
            self._begin()

    def abandon(self, tokens: Iterable[str]) -> None:
        """Fetches under these tokens were broken off: nobody got what they may have leased, so it is released."""
        with self._lock:
            self._abandoned.update(dict.fromkeys(tokens))
            # an outage may be long; the leases of old ones have expired by themselves
            for token in list(self._abandoned)[:-_MAX_ABANDONED]:
                del self._abandoned[token]
            if self._abandoned:
                self._begin()

    def expect_unknown(self, leases: Iterable[Lease]) -> None:
        """A seek of ours has emptied these leases: it is not to be told that settling them did not count."""
        self._expected.update(dict.fromkeys(lease.token for lease in leases))
        for token in list(self._expected)[:-_MAX_ABANDONED]:
            self._expected.pop(token, None)

    # -- sending it

    def collect(self) -> Collected:
        """Take what waits, to be sent along with a request; `settled` or `put_back` is to follow."""
        with self._lock:
            return self._collect()

    def settled(self, collected: Collected, body: Mapping[str, Any]) -> list[Any]:
        """The service has carried out a request; returns the settlements in it that did not count."""
        for lease, refs in collected.acked.items():
            lease.forget(refs)
        return self._told(body)

    def _told(self, body: Mapping[str, Any]) -> list[Any]:
        """Say in the log what an answer tells: which settlements did not count, which it returns, and why nothing comes."""
        unknown: list[Any] = body.get("unknown") or []
        told = [one for one in unknown if one.get("lease") not in self._expected] if self._expected else unknown
        if told:
            _log.warning("Subscriber %s: settled late, may come again: %s", self.subscriber, told)
        self.notices.answered(body)
        return unknown

    def put_back(self, collected: Collected) -> None:
        """A request failed: what it carried waits again, as far as it may still count."""
        with self._lock:
            later, self._acked = self._acked, {lease: refs for lease, refs in collected.acked.items() if not lease.over}
            for lease, refs in later.items():
                self._acked.setdefault(lease, []).extend(refs)
            self._abandoned = dict.fromkeys([*collected.abandoned, *self._abandoned])
            if self._acked or self._abandoned:
                self._begin(pause_s=_PAUSE_S)

    def drop_ahead(self, collected: Collected, error: BaseException) -> bool:
        """A request was refused: says whether that may be for tokens of broken-off fetches, which are dropped then.

        They were made before the store's clock was known to be set back, and are ahead of it: the service took none of them.
        """
        if not isinstance(error, ServiceError) or error.code != "invalid_token":
            return False
        ahead = [token for token in collected.abandoned if self._transport.clock.is_behind(token)]
        collected.abandoned = [token for token in collected.abandoned if token not in ahead]
        return bool(ahead)

    def carry_out(self, settlements: Settlements, deadline_s: float | None = None) -> list[Any]:
        """Settle now, with all that waits; returns the settlements that did not count.

        Raises ServiceError, Unavailable; then what waited waits again, and `settlements` are the caller's.
        """
        give_up = time.monotonic() + (deadline_s or self._transport.service.deadline_s)
        with self._lock:
            # what the thread sends was said before this, and is to be carried out before it
            self._work.wait_for(lambda: not self._sending, give_up - time.monotonic())
            collected = self._collect()
        said = collected.add_to(settlements)
        if not said:
            return []
        try:
            body = self.send(said, max(_LAST_TRY_S, give_up - time.monotonic()))
        except BaseException as error:
            again = self.drop_ahead(collected, error)
            self.put_back(collected)
            if again:
                return self.carry_out(settlements, max(_LAST_TRY_S, give_up - time.monotonic()))
            raise
        return self.settled(collected, body)

    def send(self, settlements: Mapping[str, Any], deadline_s: float | None = None) -> dict[str, Any]:
        """Settle now, and send nothing that waits; returns the body of the answer. Raises ServiceError, Unavailable."""
        *before, last = split(settlements)
        give_up = time.monotonic() + (deadline_s or 0.0)
        unknown: list[Any] = []
        for part in before:
            unknown += self._send(part, deadline_s).get("unknown") or []
            deadline_s = deadline_s and max(_LAST_TRY_S, give_up - time.monotonic())
        body = self._send(last, deadline_s)
        return {**body, "unknown": unknown + (body.get("unknown") or [])} if before else body

    def send_most(self, settlements: Settlements) -> Settlements:
        """Settle, but for what one more request has room for; returns that. Raises ServiceError, Unavailable."""
        *before, last = split(settlements)
        for part in before:
            self._told(self._send(part, None))
        return {verb: [*entries] for verb, entries in last.items()}

    def _send(self, settlements: Mapping[str, Any], deadline_s: float | None) -> dict[str, Any]:
        body = {"subscriber": self.subscriber, "max_events": 0, **settlements}
        return self._transport.call("get_events", body, deadline_s=deadline_s).body

    def settle(self, verb: Verb, deadline_s: float | None = None) -> None:  # noqa: ARG002 - these have their verb
        """Send what waits, at the end of the program. Raises ServiceError, Unavailable."""
        self.carry_out({}, deadline_s)
        settle_at_exit(self, holding=False)

    def _collect(self) -> Collected:
        acked, named = {}, 0
        while self._acked and named < MAX_SETTLEMENTS:
            lease = next(iter(self._acked))
            acked[lease] = self._acked.pop(lease)
            named += len(acked[lease])
        abandoned, self._abandoned = list(self._abandoned), {}
        return Collected(acked, abandoned)

    # -- the thread that sends what no fetch takes along

    def _begin(self, pause_s: float = 0.0) -> None:
        """Something waits. The lock is held."""
        if self._since == 0.0:
            self._since = time.monotonic() + pause_s
            settle_at_exit(self, holding=True)
            if self._thread is None:
                name = f"settlements of {self.subscriber}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                with contextlib.suppress(RuntimeError):  # the program ends: its exit handler sends what waits
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
            else:  # nothing that another try would change: it is not sent again, and the events come again
                _log.warning(
                    "Subscriber %s: events could not be settled and will come again: %s", self.subscriber, error
                )
        except PubSubError:
            self.put_back(collected)  # the log tells of the outage
        else:
            self.settled(collected, body)

    def _next(self) -> Collected | None:
        """What is to be sent, when it has waited long enough; None when there was nothing for long."""
        with self._lock:
            while True:
                if not self._acked and not self._abandoned:
                    self._since = 0.0
                    settle_at_exit(self, holding=False)
                    if not self._work.wait(_IDLE_S) and self._since == 0.0:
                        self._thread = None
                        return None
                    continue
                left_s = self._since + _WAIT_S - time.monotonic()
                if left_s <= 0:
                    self._since, self._sending = 0.0, True
                    collected = self._collect()
                    if self._acked or self._abandoned:
                        self._since = time.monotonic()
                    return collected
                self._work.wait(left_s)
