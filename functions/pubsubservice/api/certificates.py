"""Google's certificates, fetched when needed and kept as long as they say.

Source: https://cloud.google.com/docs/authentication/token-types#id-tokens, whose ``certs`` address answers
``{key id: X.509 certificate}`` and, in ``Cache-Control``, for how many seconds.
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
_DEFAULT_AGE_S = 3600
_MAX_AGE_S = 24 * 3600
#: whatever comes in, the certificates are not asked for more often than this: a token can name any key
_MIN_AGE_S = 60
#: how long after a failure there is no other try
_FAILURE_S = 5
#: for all of a fetch; and how large they may be: Google's are three, of 1.2 kB each
_FETCH_S = 5
_MAX_BYTES = 1024 * 1024
#: threads that may wait for a fetch while there are certificates that serve others: a forger makes any number of them wait
_MAX_WAITING = 16


class _Kept(NamedTuple):
    """What the last fetches left; times are of this process's monotonic clock, in seconds."""

    certificates: Mapping[str, str]
    #: the certificates may be used until then
    until: float
    #: there is no other fetch before
    not_before: float
    #: whether the last fetch failed, so that a key that is not among the certificates may be a new one
    failed: bool


class Certificates:
    """The certificates at an address, as one process keeps them.

    A key that is kept never waits for anything. All others wait for the one fetch that is under way, which ends within
    `_FETCH_S` seconds.
    """

    def __init__(self, runtime: Runtime, url: str = GOOGLE_CERTIFICATES) -> None:
        self._runtime = runtime
        self._url = url
        self._lock = runtime.new_lock()
        self._kept = _Kept({}, -math.inf, -math.inf, failed=False)
        #: set when the fetch that is under way has ended
        self._ended: Event | None = None
        self._waiting = 0

    def __call__(self, key_id: str) -> str | None:
        """The certificate of a key as PEM; None if there is none.

        Raises Unavailable when they cannot be had, and for a key that is not among those that are kept while newer ones
        cannot be had.
        """
        kept = self._kept
        found = kept.certificates.get(key_id)
        if found is not None and self._runtime.monotonic() < kept.until:
            return found
        self._refresh()
        kept, now = self._kept, self._runtime.monotonic()
        found = kept.certificates.get(key_id)
        if now >= kept.until or (found is None and kept.failed):
            raise _unavailable(kept.not_before - now)
        return found

    def _refresh(self) -> None:
        """Fetch the certificates unless that was tried a moment ago, or wait for the thread that does. Raises Unavailable."""
        with self._lock:
            now, ended = self._runtime.monotonic(), self._ended
            leads = ended is None and now >= self._kept.not_before
            if leads:
                ended = self._ended = self._runtime.new_event()
            elif ended is not None:
                if self._waiting >= _MAX_WAITING and now < self._kept.until:
                    raise _unavailable(1)
                self._waiting += 1
        if ended is None:
            return
        if leads:
            try:
                self._kept = self._fetched()
            finally:
                with self._lock:
                    self._ended = None
                ended.set()
            return
        try:
            if not ended.wait(_FETCH_S + 1):
                raise _unavailable(1)
        finally:
            with self._lock:
                self._waiting -= 1

    def _fetched(self) -> _Kept:
        """What is kept after a fetch: what it brought, or what was there if it brought none."""
        try:
            answer = download(self._url, within_s=_FETCH_S, max_bytes=_MAX_BYTES)
            certificates = _read(answer.body)
        except (DownloadFailed, ValueError) as error:
            _logger.warning("certificates cannot be fetched from %s: %s", self._url, error)
            return self._kept._replace(not_before=self._runtime.monotonic() + _FAILURE_S, failed=True)
        age = _MAX_AGE.search(answer.cache_control)
        age_s = min(max(int(age[1]), _MIN_AGE_S), _MAX_AGE_S) if age else _DEFAULT_AGE_S
        now = self._runtime.monotonic()
        return _Kept(certificates, now + age_s, now + _MIN_AGE_S, failed=False)


def _read(body: bytes) -> Mapping[str, str]:
    """The certificates in an answer that tokens can be verified by. Raises ValueError if there are none."""
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("the answer is nested too deep") from None
    if not isinstance(document, dict) or not all(isinstance(text, str) for text in document.values()):
        raise ValueError("a JSON object of certificates is expected")
    # one of another kind, which may come some day, takes nothing away from the others
    certificates = {key_id: text for key_id, text in document.items() if _is_certificate(text)}
    if not certificates:
        raise ValueError("there is no certificate in the answer")
    return certificates


def _is_certificate(text: str) -> bool:
    try:
        RSAVerifier.from_string(text)
    except Exception:  # noqa: BLE001 - cryptography has errors of its own, and raises others
        return False
    return True


def _unavailable(in_s: float) -> Unavailable:
    return Unavailable(
        "certificates_unavailable",
        "The certificates that tokens are verified by cannot be had now; send the same request again.",
        retry_after_s=max(1, math.ceil(in_s)),
    )
