"""Cache of Google's certificates: fetched when needed, and kept for as long as their response allows.

Source: https://cloud.google.com/docs/authentication/token-types#id-tokens. Its ``certs`` address returns
``{key id: X.509 certificate}``, and in ``Cache-Control`` for how many seconds they may be cached.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from google.auth.crypt import RSAVerifier

from pubsubservice.api.download import DownloadFailed, download
from pubsubservice.core.problems import Unavailable
from pubsubservice.core.runtime import Event, Runtime

__all__ = ["GOOGLE_CERTIFICATES", "Certificates"]

_logger = logging.getLogger("pubsubservice.identity")

GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"

_MAX_AGE = re.compile(r"max-age=([0-9]{1,9})")
#: lifetime of certificates whose response names none
_DEFAULT_AGE_S = 3600
_MAX_AGE_S = 24 * 3600
#: shortest time between two fetches: a token can name any key, so tokens alone must not cause more fetches
_MIN_AGE_S = 60
#: shortest time between a failed fetch and the next one
_FAILURE_S = 5
#: time limit of a whole fetch
_FETCH_S = 5
#: size limit of a response; Google's has three certificates of 1.2 kB each
_MAX_BYTES = 1024 * 1024
#: threads that may wait for a fetch while certificates are cached: forged tokens could make any number of threads wait
_MAX_WAITING = 16


class _Cached(NamedTuple):
    """The cached certificates; times are of this process's monotonic clock, in seconds."""

    certificates: Mapping[str, str]
    #: when the certificates expire
    until: float
    #: the earliest time of the next fetch
    not_before: float
    #: whether the last fetch failed: a key without a certificate may then be a new one
    failed: bool


class Certificates:
    """The certificates at a URL, cached by one process.

    A lookup of a cached key never waits. All others wait for the one fetch under way, which ends within `_FETCH_S` seconds.
    """

    def __init__(self, runtime: Runtime, url: str = GOOGLE_CERTIFICATES) -> None:
        self._runtime = runtime
        self._url = url
        self._lock = runtime.new_lock()
        self._cached = _Cached({}, -math.inf, -math.inf, failed=False)
        #: the event that the fetch under way sets when it ends; None while no fetch is under way
        self._fetch_ended: Event | None = None
        self._waiting = 0

    def __call__(self, key_id: str) -> str | None:
        """Return the certificate of a key as PEM; None if the key has none.

        Raises Unavailable if no certificates are cached and they cannot be fetched, and for a key without a cached
        certificate after a failed fetch.
        """
        cached = self._cached
        found = cached.certificates.get(key_id)
        if found is not None and self._runtime.monotonic() < cached.until:
            return found
        self._refresh()
        cached, now = self._cached, self._runtime.monotonic()
        found = cached.certificates.get(key_id)
        if now >= cached.until or (found is None and cached.failed):
            raise _unavailable(cached.not_before - now)
        return found

    def _refresh(self) -> None:
        """Fetch the certificates unless the last fetch was too recent, or wait for the fetch under way. Raises Unavailable."""
        with self._lock:
            now, ended = self._runtime.monotonic(), self._fetch_ended
            leads = ended is None and now >= self._cached.not_before
            if leads:
                ended = self._fetch_ended = self._runtime.new_event()
            elif ended is not None:
                if self._waiting >= _MAX_WAITING and now < self._cached.until:
                    raise _unavailable(1)
                self._waiting += 1
        if ended is None:
            return
        if leads:
            try:
                self._cached = self._fetch()
            finally:
                with self._lock:
                    self._fetch_ended = None
                ended.set()
            return
        try:
            if not ended.wait(_FETCH_S + 1):
                raise _unavailable(1)
        finally:
            with self._lock:
                self._waiting -= 1

    def _fetch(self) -> _Cached:
        """Fetch the certificates; return them, or after a failure the ones cached before."""
        try:
            response = download(self._url, within_s=_FETCH_S, max_bytes=_MAX_BYTES)
            certificates = _read(response.body)
        except (DownloadFailed, ValueError) as error:
            _logger.warning("certificates cannot be fetched from %s: %s", self._url, error)
            return self._cached._replace(not_before=self._runtime.monotonic() + _FAILURE_S, failed=True)
        age = _MAX_AGE.search(response.cache_control)
        age_s = min(max(int(age[1]), _MIN_AGE_S), _MAX_AGE_S) if age else _DEFAULT_AGE_S
        now = self._runtime.monotonic()
        return _Cached(certificates, now + age_s, now + _MIN_AGE_S, failed=False)


def _read(body: bytes) -> Mapping[str, str]:
    """Return the certificates in a response that can verify tokens. Raises ValueError if it has none."""
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("the response is nested too deeply") from None
    if not isinstance(document, dict) or not all(isinstance(text, str) for text in document.values()):
        raise ValueError("the response is expected to be a JSON object of certificates")
    # a certificate of an unknown kind, which Google may add some day, must not make the others unusable
    certificates = {key_id: text for key_id, text in document.items() if _is_certificate(text)}
    if not certificates:
        raise ValueError("the response has no certificate")
    return certificates


def _is_certificate(text: str) -> bool:
    try:
        RSAVerifier.from_string(text)
    except Exception:  # noqa: BLE001 - cryptography raises errors of its own and of others
        return False
    return True


def _unavailable(in_s: float) -> Unavailable:
    return Unavailable(
        "certificates_unavailable",
        "The certificates that verify tokens cannot be fetched now; send the same request again.",
        retry_after_s=max(1, math.ceil(in_s)),
    )
