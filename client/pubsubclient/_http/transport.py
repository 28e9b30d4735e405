"""Sends all HTTP requests of this package. One call returns one response, or raises one error.

After connection errors, timeouts, 429 and 5xx, a call sends its request again, with full jitter, until one deadline. Every try
sends the same bytes, so the same ids, `since` and lease, and the request takes effect once. Only long polls change: each try
asks for the rest of the wait.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import requests
from requests.adapters import BaseAdapter

from pubsubclient._core.errors import ServiceError, Unavailable
from pubsubclient._core.json import encode
from pubsubclient._core.observing import observer
from pubsubclient._core.store_clock import StoreClock
from pubsubclient._fork import reset_in_child
from pubsubclient._http.adapter import BoundedAdapter, read_whole, settings_of
from pubsubclient._http.call import Call, CallCancelled, Cancellation
from pubsubclient._http.identity import Identity, TokenUnavailable
from pubsubclient._http.outage import Outage
from pubsubclient._http.responses import (
    bad_response,
    is_cut,
    read_body,
    retry_after_s,
    service_error,
    store_time_us,
)
from pubsubclient._http.service import FUNCTIONS, Service
from pubsubclient._http.tries import TryAgain, failure_of, jitter_s
from pubsubclient._version import __version__

__all__ = ["Response", "Transport"]

#: the shortest timeout of a try, even if the deadline is nearer, seconds
_LEAST_TIMEOUT_S = 0.01
#: how many connections are kept open to each host, enough for all threads of `aio`; further threads open and close their own
_MAX_IDLE_CONNECTIONS = 320

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, application/problem+json",
    "Accept-Encoding": "identity",  # a compressed body could unpack to any size
    "User-Agent": f"pubsubclient/{__version__}",
}
#: refusals that may be over later, but not by the end of the call
_NOT_SOON = frozenset({"dead_letters_left"})


class Response(NamedTuple):
    """A successful response."""

    #: the JSON object of the body; empty for a response without a body
    body: dict[str, Any]
    #: a time that the store has passed, µs; None if the store was not touched
    store_time_us: int | None
    #: how long the service asks to wait before the next request, seconds
    retry_after_s: float | None


class Transport:
    """The connections to one service, and the store clock learned from its responses.

    Thread-safe, because the adapter's connection pool is. A forked child makes its own connections.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._clock = service.clock
        self.clock = StoreClock(service.clock)
        #: whether the service accepts ``wake``; older services refuse it
        self.knows_wake = True
        #: logs when the service is out of reach
        self.outage = Outage(service)
        #: sends the requests; the service's own, or one that this client made
        self.adapter: BaseAdapter = service.adapter or _new_adapter()
        self._environment: dict[str, dict[str, Any]] = {}
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}
        reset_in_child(self)

    @classmethod
    def to(cls, service: Service) -> Transport:
        """Return the transport to a service, shared by equal services. Garbage collection closes its connections."""
        with _transports_lock:
            transport = _transports.get(service)
            if transport is None:
                transport = _transports[service] = cls(service)
            return transport

    def call(
        self,
        function: str,
        body: bytes | Mapping[str, Any] | Callable[[float], Mapping[str, Any]] | None,
        *,
        method: str = "POST",
        query: Mapping[str, str | Sequence[str]] | None = None,
        wait_s: float = 0.0,
        deadline_s: float | None = None,
        connect_deadline_s: float | None = None,
        cancellation: Cancellation | None = None,
        tried: TryAgain | None = None,
    ) -> Response:
        """Call a function of the service, in as many tries as necessary.

        Args:
            function: the function's name
            body: JSON bytes, or a mapping to encode; None for GET; or a callable that makes the mapping for each try, from
                the seconds that are left to wait
            method: HTTP method
            query: parameters of the URL; one with several values is repeated
            wait_s: how long the service may wait before it responds, seconds; added to the deadline and the read timeout
            deadline_s: for all tries together, seconds; by default the service's. The call ends then even if data arrives
            connect_deadline_s: a shorter deadline that holds while no try can have reached the service, seconds
            cancellation: lets another thread end the call
            tried: how the first try failed, if it was made already, as an `Exchange`

        Raises:
            ServiceError: the service responded with an error that another try would not change
            Unavailable: no final response before the deadline
            IdentityError: there are no valid credentials
            CallCancelled: another thread has cancelled the call
        """
        request = self._request(function, method, query)
        if not callable(body):
            _put_body(request, body)
        clock = self._clock
        started = clock.monotonic() - (0.0 if tried is None else tried.elapsed_s)
        give_up = started + (deadline_s or self.service.deadline_s) + wait_s
        uncertain = False
        with Call(give_up, cancellation, clock) as call:
            for tries in itertools.count(1):
                wait_left_s = max(0.0, started + wait_s - clock.monotonic()) if tries > 1 else wait_s
                if callable(body):
                    _put_body(request, body(wait_left_s))
                try:
                    answer = self._send(function, request, wait_left_s, call, tried if tries == 1 else None)
                except ServiceError as error:
                    error.uncertain = error.uncertain or uncertain
                    raise
                except TryAgain as error:
                    uncertain = uncertain or error.uncertain
                    if connect_deadline_s is not None and not uncertain:
                        give_up = min(give_up, started + connect_deadline_s)
                    left_s = give_up - clock.monotonic()
                    # at most half of the time that is left, so that another try fits
                    pause_s = error.pause_s + min(jitter_s(tries), max(0.0, left_s / 2))
                    if not call.cancelled and pause_s + _LEAST_TIMEOUT_S >= left_s:
                        elapsed_s = min(clock.monotonic(), give_up) - started
                        unavailable = Unavailable(function, str(request.url), tries, elapsed_s, error.failure)
                        unavailable.uncertain = uncertain
                        raise unavailable from error.failure
                    self.outage.failed(error.failure, pause_s, give_up)
                else:
                    self.outage.over()
                    return answer
                call.pause(pause_s)
                if call.cancelled:
                    raise CallCancelled(uncertain=uncertain)
        raise AssertionError  # count() does not end

    def prepare(self, function: str) -> requests.PreparedRequest:
        """Return a request without a body, with the identity's headers. Raises IdentityError, TryAgain."""
        request = self._request(function, "POST", None)
        if self.service.identity is not None:
            self._identify(function, request, self.service.identity)
        return request

    def register(self, body: Mapping[str, Any]) -> Response:
        """Call register for a constructor. Raises like `call`, but sooner if nothing responds at the address."""
        return self.call("register", body, connect_deadline_s=self.service.start_deadline_s)

    def token(self, function: str) -> str:
        """Make a token for a lease or a change of a subscription. Raises ServiceError (``bad_answer``)."""
        token = self.clock.token()
        if token is None:
            raise bad_response(function, "no answer of the service carries its header X-Store-Time; is it stripped?")
        return token

    def after_fork(self) -> None:
        """Use new connections in the child; the old ones belong to the parent."""
        if self.service.adapter is None:
            self.adapter = _new_adapter()
        else:
            self.adapter.close()

    def _send(
        self, function: str, request: requests.PreparedRequest, wait_s: float, call: Call, tried: TryAgain | None
    ) -> Response:
        """Make one try, unless it has failed already. Raises TryAgain if another may succeed, or if the call was cancelled."""
        if tried is not None:
            raise tried
        if self.service.identity is not None:
            self._identify(function, request, self.service.identity)
        left_s = max(_LEAST_TIMEOUT_S, call.give_up - self._clock.monotonic())
        timeout = (
            min(left_s, self.service.connect_timeout_s),
            min(left_s, self.service.read_timeout_s + wait_s),
        )
        try:
            response = self.adapter.send(request, timeout=timeout, **self.settings(function))
            content = read_whole(function, response)
        except requests.RequestException as error:
            raise failure_of(error, request.url, self.service) from error
        return self.interpret(function, response, content, call)

    def interpret(self, function: str, response: requests.Response, content: bytes, call: Call) -> Response:
        """Return what a response says. Raises ServiceError for a refusal, TryAgain if another try may succeed."""
        if call.was_shut:
            raise TryAgain(requests.ConnectionError("the answer did not come to its end in time"), uncertain=True)
        time_us = store_time_us(function, response)
        if time_us is not None:
            self.clock.observe(time_us)
        status = response.status_code
        if 200 <= status < 300:
            if is_cut(response, content):
                raise TryAgain(requests.ConnectionError("the answer ends within its headers"), uncertain=True)
            return Response(read_body(function, response, content), time_us, retry_after_s(response))
        failure = service_error(function, response, content)
        if failure.code in _NOT_SOON:
            failure.retryable = True
            raise failure
        if failure.code == "invalid_token":
            self.clock.refused(time_us)
        if status == 429 or status >= 500:
            raise TryAgain(failure, uncertain=status != 429, pause_s=retry_after_s(response) or 0.0)
        raise failure

    def _request(
        self, function: str, method: str, query: Mapping[str, str | Sequence[str]] | None
    ) -> requests.PreparedRequest:
        """Return a request without a body. Requests without a query differ only in their bodies, so they are prepared once."""
        prepared = None if query else self._prepared.get((method, function))
        if prepared is None:
            prepared = requests.PreparedRequest()
            prepared.prepare(method, self.service.urls[function], headers=_HEADERS, params=query)
            if not query:
                self._prepared[method, function] = prepared
        request = prepared.copy()
        if (watching := observer()) is not None:
            request.headers.update(watching.headers())
        return request

    def _identify(self, function: str, request: requests.PreparedRequest, identity: Identity) -> None:
        """Add the identity's headers. Raises IdentityError, TryAgain."""
        try:
            request.headers.update(identity.headers(function, self.service.urls[function]))
        except TokenUnavailable as error:
            raise TryAgain(error, uncertain=False) from error

    def settings(self, function: str) -> dict[str, Any]:
        """Return the environment's proxies and certificates for a function; cached, because reading them is slow."""
        url = self.service.urls[function]
        found = self._environment.get(url)
        if found is None:
            found = self._environment[url] = settings_of(url)
        return found


_transports: WeakValueDictionary[Service, Transport] = WeakValueDictionary()
_transports_lock = threading.Lock()


def _renew_lock() -> None:
    global _transports_lock
    _transports_lock = threading.Lock()  # a thread of the parent may hold the old one


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _put_body(request: requests.PreparedRequest, body: bytes | Mapping[str, Any] | None) -> None:
    request.body = body if body is None or isinstance(body, bytes) else encode(body)
    request.prepare_content_length(request.body)


def _new_adapter() -> BoundedAdapter:
    return BoundedAdapter(pool_connections=len(FUNCTIONS), pool_maxsize=_MAX_IDLE_CONNECTIONS)
