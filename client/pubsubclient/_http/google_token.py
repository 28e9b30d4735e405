"""Caches one ID token, and fetches a new one shortly before it expires.

A separate thread fetches the token, because google-auth sleeps between tries, resolves names and runs programs, which no
connection timeout bounds. A call waits for that thread until the call's deadline.
"""

from __future__ import annotations

import functools
import math
import re
import threading
import time
from datetime import timezone
from typing import Any

import requests

from pubsubclient._core.errors import IdentityError, ServiceError
from pubsubclient._fork import reset_in_child
from pubsubclient._http.adapter import BoundedAdapter, read_whole
from pubsubclient._http.call import Call, current_call
from pubsubclient._http.identity import TokenUnavailable

__all__ = ["GoogleToken"]

#: a token that expires within this time is fetched anew, seconds. Longer than a call with all its tries, and shorter than the
#: 4 minutes during which a metadata server may still return an old token
_MARGIN_S = 225
#: a token that expires within this time is not sent any more, seconds
_MIN_LIFETIME_S = 10
#: the pause after a fetch, seconds: it may have failed, or returned the same old token
_PAUSE_S = 30
#: the timeout of one of google-auth's requests, and the longest wait for a new token while the old one is valid, seconds
_TIMEOUT_S = 10
#: the deadline of a fetch on its connections, seconds; and the most bytes of a response
_FETCH_S = 30
_MAX_BYTES = 1024 * 1024
#: how google-auth words a temporary error of Google's IAM
_TEMPORARY = re.compile(r"'code': (429|5\d\d)\b")


class GoogleToken:
    """The ID token for one audience. Thread-safe: one thread fetches a new token; others use the old one while it is valid."""

    def __init__(self, audience: str, impersonate: str | None) -> None:
        self._audience = audience
        self._impersonate = impersonate
        #: google-auth's credentials, once they are found
        self._credentials: Any = None
        #: the cached token, and when it expires, seconds since 1970
        self._cached = ("", 0.0)
        #: monotonic time before which a valid token is not fetched anew
        self._not_before = 0.0
        #: the running fetch, if any
        self._fetch: _Fetch | None = None
        self._lock = threading.Lock()
        reset_in_child(self)

    def get(self) -> str:
        """Return a valid token, in most cases for some minutes more. Raises IdentityError, TokenUnavailable.

        Waits no longer than until the deadline of the current call.
        """
        token, expires = self._cached
        left_s = expires - time.time()
        if left_s > _MARGIN_S:
            return token
        usable = left_s > _MIN_LIFETIME_S
        with self._lock:
            if self._cached != (token, expires):
                return self._cached[0]
            if usable and (self._fetch is not None or time.monotonic() < self._not_before):
                return token
            fetch = self._fetch
            is_new = fetch is None
            if fetch is None:
                fetch = self._fetch = _Fetch()
        if is_new:
            thread = threading.Thread(target=self._run, args=(fetch,), name="pubsubclient token", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the program ends, so no thread can be started
                self._run(fetch)
        fetch.ended.wait(_max_wait_s(usable=usable))
        if usable:
            return self._cached[0]
        return fetch.result(self._audience)

    def after_fork(self) -> None:
        """Replace the lock and forget the running fetch: both belong to the parent's threads."""
        self._lock = threading.Lock()
        self._fetch = None

    def _run(self, fetch: _Fetch) -> None:
        try:
            with Call(time.monotonic() + _FETCH_S, None):
                self._cached = self._fetch_token()
            fetch.token = self._cached[0]
        except BaseException as error:  # noqa: BLE001 - raised again by `result`, in the waiting threads
            fetch.error = error
        self._not_before = time.monotonic() + _PAUSE_S
        with self._lock:
            if self._fetch is fetch:
                self._fetch = None
        fetch.ended.set()

    def _fetch_token(self) -> tuple[str, float]:
        from google.auth import exceptions  # noqa: PLC0415 - see gcp
        from google.auth.transport.requests import Request  # noqa: PLC0415

        from pubsubclient._http.google_credentials import id_token_credentials  # noqa: PLC0415

        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _TokenAdapter())
            request: Any = functools.partial(Request(session), timeout=_TIMEOUT_S)
            try:
                if self._credentials is None:
                    self._credentials = id_token_credentials(self._audience, self._impersonate, request)
                self._credentials.refresh(request)
            except (exceptions.TransportError, requests.RequestException) as error:
                raise TokenUnavailable(f"no ID token for {self._audience} now: {error}") from error
            except exceptions.GoogleAuthError as error:
                if error.retryable or _TEMPORARY.search(str(error)):
                    raise TokenUnavailable(f"no ID token for {self._audience} now: {error}") from error
                raise IdentityError(f"Google gives no ID token for {self._audience}: {error}") from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                # google-auth does not check the types of what it reads
                raise IdentityError(f"Google gives no ID token for {self._audience}: {error!r}") from error
        expiry = self._credentials.expiry
        return str(self._credentials.token), expiry.replace(tzinfo=timezone.utc).timestamp()


class _Fetch:
    """One running fetch, which any number of threads wait for."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.token = ""
        self.error: BaseException | None = None

    def result(self, audience: str) -> str:
        """Return the token, or raise the error of the fetch, as a new object in each thread."""
        if not self.ended.is_set():
            raise TokenUnavailable(f"no ID token for {audience} in time")
        if isinstance(self.error, (IdentityError, TokenUnavailable)):
            raise type(self.error)(*self.error.args) from self.error
        if self.error is not None:
            raise self.error
        return self.token


class _TokenAdapter(BoundedAdapter):
    """Reads responses completely, within the deadline of the fetch and a size limit."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        response = super().send(request, *arguments, **named)
        try:
            response._content = read_whole("identity", response, _MAX_BYTES)  # noqa: SLF001 - where requests caches the body
        except ServiceError as error:
            raise requests.ConnectionError(str(error)) from error
        call = current_call()
        if call is not None and call.was_shut:
            raise requests.ConnectionError("the response was not complete in time")
        return response


def _max_wait_s(*, usable: bool) -> float:
    """Return how long to wait for a new token, seconds: until the call's deadline, or less with a valid token."""
    call = current_call()
    left_s = math.inf if call is None else max(0.0, call.shut_at - time.monotonic())
    return min(_TIMEOUT_S, left_s / 2) if usable else min(2 * _FETCH_S, left_s)
