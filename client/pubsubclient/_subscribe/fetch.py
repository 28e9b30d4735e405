"""Fetches events, in as many requests as necessary."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, NamedTuple

from pubsubclient._core.attributes import parse_time
from pubsubclient._core.errors import PubSubError, ServiceError
from pubsubclient._core.observing import observer, observing_settlement
from pubsubclient._events.event_list import Events
from pubsubclient._events.lease import Lease
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._http.call import CallCancelled, Cancellation
from pubsubclient._http.responses import bad_response
from pubsubclient._http.transport import Response, Transport
from pubsubclient._subscribe.outcomes import Outcomes
from pubsubclient._subscribe.pending import Collected, Settlements

__all__ = ["MAX_EVENTS", "Fetch", "to_us"]

#: the most events that one request may ask for
MAX_EVENTS = 5_000
#: how many responses in a row may say that the token's lease is over; more mean that something is wrong
_MAX_OVER = 10
#: an empty response with `more` that takes less than _HASTY_S was too fast for a read of the store. After _MAX_HASTY of them
#: in a row, _PAUSE_S passes before each further request
_MAX_HASTY = 10
_HASTY_S = 0.02
_PAUSE_S = 0.1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

_log = logging.getLogger("pubsubclient.subscriber")


class _Request(NamedTuple):
    """One request for events, on its way."""

    #: what it settles
    settlements: Settlements
    #: the leases that it extends
    extended: list[Lease]
    #: how long the service may wait before it answers, seconds
    wait_s: float
    #: monotonic time at which it was sent
    asked: float


class Fetch:
    """Fetches the events that are available when it begins, at most `max_events`; waits up to `wait_s` seconds for the first.

    Args:
        outcomes: pending settlements of the subscriber; the requests carry them
        settlements: further settlements for the first request
        cancellation: lets another thread end the fetch; then no further events are fetched
    """

    def __init__(
        self,
        transport: Transport,
        subscriber: str,
        outcomes: Outcomes,
        max_events: int | None,
        wait_s: float,
        settlements: Settlements,
        cancellation: Cancellation | None = None,
    ) -> None:
        self._transport = transport
        self._clock = transport.service.clock
        self._subscriber = subscriber
        self._outcomes = outcomes
        self._max_events = max_events
        self._wait_until = self._clock.monotonic() + wait_s
        self._settlements = settlements
        #: outcomes that travel with the request under way
        self._collected: Collected | None = None
        self._cancellation = cancellation or Cancellation()
        #: the leases of the fetched events
        self.leases: list[Lease] = []
        self._events = Events(self.leases)
        #: the token of the current request; without a response, its lease has to be released by this token
        self._token: str | None = None
        self._overs = 0
        self._hasty = self._empty = 0
        #: whether a token was replaced because the store's clock was set back; done once
        self._renewed = False
        #: monotonic time after which empty responses with `more` count as an error
        self._give_up = self._wait_until + transport.service.deadline_s
        #: the store time up to which events are fetched, µs: that of the first response
        self._stop_us: int | None = None

    def run(self) -> Events:
        """Fetch the events.

        Raises ServiceError or Unavailable if no events were received; the settlements may not have been carried out. Any
        other exception, also of a signal handler, releases the fetched events, because the caller does not receive them.
        """
        began_ns = time.time_ns()
        with self._giving_back():
            if self._max_events != 0:
                self._outcomes.notices.fetching()
            again = True
            while again:
                try:
                    request = self._prepare()
                    with observing_settlement(request.settlements, self._subscriber, self._transport.service):
                        response = self._transport.call(
                            "get_events",
                            partial(self._body, request.settlements),
                            wait_s=request.wait_s,
                            cancellation=self._cancellation,
                        )
                except BaseException as error:  # noqa: PERF203 - each request takes milliseconds
                    if not self._goes_on(error):
                        raise
                else:
                    again = self._take(request, response)
        if self._events and (watching := observer()) is not None:
            watching.received(self._events, self._subscriber, self._transport.service, began_ns)
        return self._events

    @contextmanager
    def _giving_back(self) -> Iterator[None]:
        """Release what nobody got; errors after the first events end the fetch with those events."""
        try:
            yield
        except CallCancelled:
            self._release_token()
        except PubSubError as error:
            if getattr(error, "uncertain", True):
                self._release_token()
            if not self._events:
                raise
            _log.warning("Subscriber %s: stopped after %d events: %s", self._subscriber, len(self._events), error)
            self._events.more = True
        except BaseException:
            self.release_all()
            raise

    def release_all(self) -> None:
        """Release everything that this fetch has leased, because the caller does not receive it."""
        tokens = [lease.token for lease in self.leases]
        if self._token is not None and self._token not in tokens:
            tokens.append(self._token)
        self._token = None
        if tokens:
            self._outcomes.release_unknown(tokens)

    def _release_token(self) -> None:
        """Release what the last request may have leased."""
        token, self._token = self._token, None
        if token is not None:
            self._outcomes.release_unknown([token])

    def _prepare(self) -> _Request:
        """Make the next request: a new token, and the settlements that travel with it."""
        wait_s = max(0.0, self._wait_until - self._clock.monotonic()) if not self._events else 0.0
        if self._max_events != 0:
            self._token = self._transport.token("get_events")
        extended = [lease for lease in self.leases if lease.half_over]
        self._collected = self._outcomes.collect(extensions=not wait_s)
        settlements = self._collected.add_to(self._settlements)
        if extended:
            settlements["extend"] = [*settlements.get("extend", ()), *(lease.extension() for lease in extended)]
        return _Request(self._outcomes.send_most(settlements), extended, wait_s, self._clock.monotonic())

    def _goes_on(self, error: BaseException) -> bool:
        """A request failed: put back what it was to settle, and say whether another request may do better."""
        collected, self._collected = self._collected, None
        again = False
        if collected is not None:
            again = self._outcomes.drop_ahead(collected, error)
            self._outcomes.put_back(collected)
        return again or (isinstance(error, ServiceError) and self._may_mend(error))

    def _body(self, said: Settlements, wait_s: float) -> dict[str, Any]:
        """Build the body of a request; `wait_s` is the rest of the wait."""
        body: dict[str, Any] = {"subscriber": self._subscriber, **said}
        body["max_events"] = MAX_EVENTS if self._max_events is None else self._max_events
        if wait_s and self._max_events != 0:
            body["wait_s"] = round(wait_s, 3)
            if self._transport.knows_wake:
                # an event ends the wait, and the next request leases it, because this connection may be dead by then
                body["wake"] = True
        if self._token is not None:
            body["lease"] = self._token
        return body

    def _may_mend(self, error: ServiceError) -> bool:
        """Change the request after a refusal; returns whether to send it again in the changed form."""
        if error.code == "unknown_field" and "'wake'" in error.detail and self._transport.knows_wake:
            self._transport.knows_wake = False
            return True
        if error.code == "invalid_token" and self._token is not None and not self._renewed:
            # A token ahead of the store time means that the store's clock was set back. The response has corrected our
            # estimate of the store time, so the next token is not ahead.
            self._renewed = self._transport.clock.is_behind(self._token)
            return self._renewed
        return False

    def _take(self, request: _Request, response: Response) -> bool:
        """Take the events of a response; returns whether to send another request."""
        body, asked = response.body, request.asked
        collected, self._collected = self._collected, None
        if collected is not None:
            self._outcomes.settled(collected, body)
        self._settlements = {}
        for lease in request.extended:
            lease.restarted(asked)
        if body.get("over"):
            self._overs += 1
            if self._overs > _MAX_OVER:
                raise bad_response("get_events", f"{_MAX_OVER} new tokens were over one after another")
            return True
        self._overs = 0
        lost, blocked = _held_back(body)  # checked first, so that no events of a malformed response are kept
        got = self._take_events(response, asked)
        self._token = None
        if self._stop_us is None:
            self._stop_us = response.store_time_us
        self._events.more = more = bool(body.get("more"))
        self._events.blocked = blocked
        self._events.lost.update(lost)
        if not self._events:
            return self._ask_again_empty_handed(response, asked)
        if self._max_events is not None or not got or not more or body.get("blocked") == "leases":
            return False
        return self._stop_us is not None and to_us(got[-1].recordedtime) < self._stop_us

    def _ask_again_empty_handed(self, response: Response, asked: float) -> bool:
        if self._max_events == 0 or response.body.get("blocked"):
            return False
        now = self._clock.monotonic()
        if self._events.more:
            self._empty += 1
            if now >= self._give_up and self._empty > _MAX_HASTY:  # a few may each have followed an outage
                raise bad_response("get_events", "it says again and again that there is more, and brings nothing")
            self._hasty = self._hasty + 1 if now - asked < _HASTY_S else 0
            if self._hasty > _MAX_HASTY:
                self._cancellation.pause(_PAUSE_S, self._clock)
            return True
        # Too many requests wait at the service already, so it responded at once and asks for a pause.
        left_s = self._wait_until - now
        if response.retry_after_s is None or left_s <= 0:
            return False
        self._cancellation.pause(min(response.retry_after_s, left_s), self._clock)
        return True

    def _take_events(self, response: Response, asked: float) -> list[ReceivedEvent]:
        raw = response.body.get("events") or []
        if not raw:
            return []
        try:
            refs = [(members["topic"], members["sequence"]) for members in raw]
            until_us = to_us(parse_time(response.body["until"]))
            length_s = max(0.0, (until_us - (response.store_time_us or until_us)) / 1_000_000)
            ordered = frozenset(response.body.get("ordered") or ())
            lease = Lease(response.body["lease"], refs, length_s, asked, self._outcomes, ordered)
            got = [ReceivedEvent(members, lease) for members in raw]
        except (KeyError, TypeError, ValueError) as e:
            raise bad_response("get_events", f"it holds no events and lease ({e!r})") from e
        self.leases.append(lease)
        self._events += got
        return got


def _held_back(body: dict[str, Any]) -> tuple[dict[str, int], str | None]:
    """Return `lost` and `blocked` of a response. Raises ServiceError (``bad_answer``)."""
    lost, blocked = body.get("lost"), body.get("blocked")
    if lost is None:
        lost = {}
    if not isinstance(lost, dict) or not all(type(count) is int and count >= 0 for count in lost.values()):
        raise bad_response("get_events", f"its 'lost' counts no events of topics ({lost!r:.100})")
    if blocked is not None and not isinstance(blocked, str):
        raise bad_response("get_events", f"its 'blocked' names nothing ({blocked!r:.100})")
    return lost, blocked


def to_us(moment: datetime) -> int:
    """Return a time as a store time: µs since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND
