"""Getting events, in as many requests as it takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from pubsubclient._answers import bad_answer
from pubsubclient._attributes import parse_time
from pubsubclient._errors import PubSubError
from pubsubclient._event import ReceivedEvent
from pubsubclient._events import Events
from pubsubclient._holdings import Holdings
from pubsubclient._lease import Lease
from pubsubclient._transport import Answer, Transport

__all__ = ["MAX_EVENTS", "Fetch", "to_us"]

#: events that one request may ask for
MAX_EVENTS = 5_000
#: tokens that may be over one after another before something must be wrong
_MAX_OVER = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

_log = logging.getLogger(__name__)


class Fetch:
    """Gets what is new when it begins, or at most `max_events`; waits up to `wait_s` seconds if there is nothing.

    `settlements` travel with the first request. What is got is settled by the caller: it is in `leases`.
    """

    def __init__(
        self,
        transport: Transport,
        subscriber: str,
        holdings: Holdings,
        max_events: int | None,
        wait_s: float,
        settlements: Mapping[str, list[Any]],
    ) -> None:
        self._transport = transport
        self._subscriber = subscriber
        self._holdings = holdings
        self._max_events = max_events
        self._wait_until = time.monotonic() + wait_s
        self._settlements = settlements
        #: what holds the events that were got
        self.leases: list[Lease] = []
        self._events = Events(self.leases)
        #: the token of the request under way: what it leases may never be known here
        self._token: str | None = None
        self._overs = 0
        #: the store time up to which everything is to be got, µs
        self._stop_us: int | None = None

    def run(self) -> Events:
        """Get the events.

        Raises ServiceError, Unavailable, with nothing got: the settlements may not have been carried out.
        """
        try:
            if self._max_events != 0:
                self._holdings.notices.fetching()
            while self._ask():
                pass
        except BaseException as error:
            got = bool(self._events) and isinstance(error, PubSubError)
            self._break_off(error, got=got)
            if not got:
                raise
            _log.warning("Subscriber %s: stopped after %d events: %s", self._subscriber, len(self._events), error)
            self._events.more = True
        return self._events

    def _break_off(self, error: BaseException, *, got: bool) -> None:
        """Have released what was leased to this call, as far as nobody will get it."""
        tokens = [] if got else [lease.token for lease in self.leases]
        if self._token is not None and getattr(error, "uncertain", True):
            tokens.append(self._token)
        if tokens:
            self._holdings.abandon(tokens)

    def _ask(self) -> bool:
        """Send one request; says whether another one is to follow."""
        settlements = self._holdings.send_most(self._settlements)
        body: dict[str, Any] = {"subscriber": self._subscriber, **settlements}
        body["max_events"] = MAX_EVENTS if self._max_events is None else self._max_events
        wait_s = max(0.0, self._wait_until - time.monotonic()) if not self._events else 0.0
        if wait_s:
            body["wait_s"] = round(wait_s, 3)
        if self._max_events != 0:
            self._token = body["lease"] = self._transport.token("get_events")
        asked = time.monotonic()
        extended = [lease for lease in self.leases if lease.half_over]
        if extended:
            body["extend"] = [lease.extension() for lease in extended]
        answer = self._transport.call("get_events", body, wait_s=wait_s)
        self._holdings.sent(self._settlements)
        self._holdings.report(answer.body)
        self._settlements = {}
        for lease in extended:
            lease.restarted(asked)
        return self._take(answer, asked)

    def _take(self, answer: Answer, asked: float) -> bool:
        """Take what an answer brought; says whether to ask again."""
        body = answer.body
        if body.get("over"):
            self._overs += 1
            if self._overs > _MAX_OVER:
                raise bad_answer("get_events", f"{_MAX_OVER} new tokens were over one after another")
            return True
        self._overs = 0
        got = self._take_events(answer, asked)
        self._token = None
        if self._stop_us is None:
            self._stop_us = answer.store_time_us
        self._events.more = more = bool(body.get("more"))
        self._events.blocked = body.get("blocked")
        self._events.lost.update(body.get("lost") or {})
        if not self._events:
            return self._ask_again_empty_handed(answer)
        if self._max_events is not None or not got or not more or body.get("blocked") == "leases":
            return False
        return self._stop_us is not None and to_us(got[-1].recordedtime) < self._stop_us

    def _ask_again_empty_handed(self, answer: Answer) -> bool:
        if self._max_events == 0 or answer.body.get("blocked"):
            return False
        if self._events.more:
            return True
        # too many wait there already: it answered at once, and asks to be left alone for a while
        left_s = self._wait_until - time.monotonic()
        if answer.retry_after_s is None or left_s <= 0:
            return False
        time.sleep(min(answer.retry_after_s, left_s))
        return True

    def _take_events(self, answer: Answer, asked: float) -> list[ReceivedEvent]:
        raw = answer.body.get("events") or []
        if not raw:
            return []
        try:
            refs = [(members["topic"], members["sequence"]) for members in raw]
            until_us = to_us(parse_time(answer.body["until"]))
            length_s = max(0.0, (until_us - (answer.store_time_us or until_us)) / 1_000_000)
            lease = Lease(answer.body["lease"], refs, length_s, asked, self._holdings.send)
            got = [ReceivedEvent(members, lease) for members in raw]
        except (KeyError, TypeError, ValueError) as e:
            raise bad_answer("get_events", f"it holds no events and lease ({e!r})") from e
        self.leases.append(lease)
        self._events += got
        return got


def to_us(moment: datetime) -> int:
    """A time as store times are written, µs."""
    return (moment - _EPOCH) // _MICROSECOND
