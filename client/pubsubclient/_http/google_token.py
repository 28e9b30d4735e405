"""One ID token, made anew shortly before it expires.

It is fetched in a thread of its own: google-auth pauses between its tries, looks names up and runs programs, which no timeout
of a connection bounds. A call waits for that thread for as long as the call has time.
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

#: a token with less life left is made anew. Longer than a call over all its tries, and less than the 4 minutes for which
#: a metadata server may still give out an old one
_MARGIN_S = 225
#: a token with less left is not sent any more
_LEAST_S = 10
#: how long an old token is used without another try: the one before failed, or was answered by the same old token
_PAUSE_S = 30
_TIMEOUT_S = 10
#: how long a fetch may use its connections, seconds; and how large an answer may be, bytes
_FETCH_S = 30
_MAX_BYTES = 1024 * 1024
#: what Google's IAM says of an error that will pass
_PASSES = re.compile(r"'code': (429|5\d\d)\b")


class GoogleToken:
    """The ID token for one audience. Thread-safe: one thread makes it anew, the others go on with the old one."""

    def __init__(self, audience: str, impersonate: str | None) -> None:
        self._audience = audience
        self._impersonate = impersonate
        #: google-auth's, once they are found
        self._credentials: Any = None
        #: the token, and when it expires, seconds since 1970
        self._held = ("", 0.0)
        #: not to be made anew before, by the monotonic clock
        self._not_before = 0.0
        #: what is under way to make it anew
        self._fetch: _Fetch | None = None
        self._lock = threading.Lock()
        reset_in_child(self)

    def get(self) -> str:
        """A token that is valid for some minutes at least; raises IdentityError, TokenUnavailable.

        Ends when the time of the call that needs it is over.
        """
        token, expires = self._held
        left_s = expires - time.time()
        if left_s > _MARGIN_S:
            return token
        usable = left_s > _LEAST_S
        with self._lock:
            if self._held != (token, expires):
                return self._held[0]
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
            except RuntimeError:  # the program ends: no thread starts any more
                self._run(fetch)
        fetch.ended.wait(_patience_s(usable=usable))
        if usable:
            return self._held[0]
        return fetch.result(self._audience)

    def after_fork(self) -> None:
        """Leave the lock, and the thread that fetches, to the parent."""
        self._lock = threading.Lock()
        self._fetch = None

    def _run(self, fetch: _Fetch) -> None:
        try:
            with Call(time.monotonic() + _FETCH_S, None):
                self._held = self._fetched()
            fetch.token = self._held[0]
        except BaseException as error:  # noqa: BLE001 - it is raised where the token is waited for
            fetch.error = error
        self._not_before = time.monotonic() + _PAUSE_S
        with self._lock:
            if self._fetch is fetch:
                self._fetch = None
        fetch.ended.set()

    def _fetched(self) -> tuple[str, float]:
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
                if error.retryable or _PASSES.search(str(error)):
                    raise TokenUnavailable(f"no ID token for {self._audience} now: {error}") from error
                raise IdentityError(f"Google gives no ID token for {self._audience}: {error}") from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                # google-auth does not look closely at what it reads
                raise IdentityError(f"Google gives no ID token for {self._audience}: {error!r}") from error
        expiry = self._credentials.expiry
        return str(self._credentials.token), expiry.replace(tzinfo=timezone.utc).timestamp()


class _Fetch:
    """A token on its way, for all threads that wait for it."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.token = ""
        self.error: BaseException | None = None

    def result(self, audience: str) -> str:
        """The token; raises what kept it from coming, in each thread an error of its own."""
        if not self.ended.is_set():
            raise TokenUnavailable(f"no ID token for {audience} in time")
        if isinstance(self.error, (IdentityError, TokenUnavailable)):
            raise type(self.error)(*self.error.args) from self.error
        if self.error is not None:
            raise self.error
        return self.token


class _TokenAdapter(BoundedAdapter):
    """Reads an answer to its end, within the time of the fetch and a size that tokens never have."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        response = super().send(request, *arguments, **named)
        try:
            response._content = read_whole("identity", response, _MAX_BYTES)  # noqa: SLF001 - what requests would read
        except ServiceError as error:
            raise requests.ConnectionError(str(error)) from error
        call = current_call()
        if call is not None and call.was_shut:
            raise requests.ConnectionError("the answer did not come to its end in time")
        return response


def _patience_s(*, usable: bool) -> float:
    """How long to wait for a new token, seconds: the time of the call; with an old one that can be used, not all of it."""
    call = current_call()
    left_s = math.inf if call is None else max(0.0, call.give_up - time.monotonic())
    return min(_TIMEOUT_S, left_s / 2) if usable else min(2 * _FETCH_S, left_s)
