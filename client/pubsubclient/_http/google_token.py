"""One ID token, made anew shortly before it expires."""

from __future__ import annotations

import functools
import re
import threading
import time
from datetime import timezone
from typing import Any

import requests

from pubsubclient._core.errors import IdentityError
from pubsubclient._fork import reset_in_child
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
        self._lock = threading.Lock()
        reset_in_child(self)

    def get(self) -> str:
        """A token that is valid for some minutes at least; raises IdentityError, TokenUnavailable."""
        token, expires = self._held
        left_s = expires - time.time()
        if left_s > _MARGIN_S:
            return token
        usable = left_s > _LEAST_S
        if not self._lock.acquire(blocking=not usable):
            return token
        try:
            if self._held == (token, expires) and (not usable or time.monotonic() >= self._not_before):
                self._renew(keep=usable)
            return self._held[0]
        finally:
            self._lock.release()

    def after_fork(self) -> None:
        """Leave the lock to the parent, where another thread may hold it."""
        self._lock = threading.Lock()

    def _renew(self, *, keep: bool) -> None:
        try:
            self._held = self._fetched()
        except (IdentityError, TokenUnavailable):
            if not keep:
                raise
        self._not_before = time.monotonic() + _PAUSE_S

    def _fetched(self) -> tuple[str, float]:
        from google.auth import exceptions  # noqa: PLC0415 - see gcp
        from google.auth.transport.requests import Request  # noqa: PLC0415

        from pubsubclient._http.google_credentials import id_token_credentials  # noqa: PLC0415

        with requests.Session() as session:
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
        expiry = self._credentials.expiry
        return str(self._credentials.token), expiry.replace(tzinfo=timezone.utc).timestamp()
