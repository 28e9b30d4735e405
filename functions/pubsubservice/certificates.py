"""Google's certificates, fetched when needed and kept as long as they say.

Source: https://cloud.google.com/docs/authentication/token-types#id-tokens, whose ``certs`` address answers
``{key id: X.509 certificate}`` and, in ``Cache-Control``, for how many seconds.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping

import requests

from pubsubservice.problems import Unavailable
from pubsubservice.runtime import Runtime

__all__ = ["GOOGLE_CERTIFICATES", "Certificates"]

_logger = logging.getLogger(__name__)

GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"

_MAX_AGE = re.compile(r"max-age=(\d{1,9})")
_DEFAULT_AGE_S = 3600
_MAX_AGE_S = 24 * 3600
#: whatever comes in, the certificates are not asked for more often than this: a token can name any key
_MIN_AGE_S = 60
#: how long a failure is answered without another try
_FAILURE_S = 5
_TIMEOUT_S = 5


class Certificates:
    """The certificates at an address, as one process keeps them."""

    def __init__(self, runtime: Runtime, url: str = GOOGLE_CERTIFICATES) -> None:
        self._runtime = runtime
        self._url = url
        self._lock = runtime.new_lock()
        self._kept: Mapping[str, str] = {}
        #: by this process's monotonic clock, seconds: what is kept may be used until, and not be asked for again before
        self._until = self._not_before = -1.0

    def __call__(self, key_id: str) -> str | None:
        """The certificate of a key as PEM; None if there is none. Raises Unavailable when they cannot be had."""
        now = self._runtime.monotonic()
        found = self._kept.get(key_id)
        if found is not None and now < self._until:
            return found
        with self._lock:
            now = self._runtime.monotonic()
            if now >= self._not_before:
                self._fetch(now)
            if now >= self._until:
                raise Unavailable(
                    "certificates_unavailable",
                    "The certificates that tokens are verified by cannot be had now; send the same request again.",
                )
            return self._kept.get(key_id)

    def _fetch(self, now: float) -> None:
        try:
            response = requests.get(self._url, timeout=_TIMEOUT_S)
            response.raise_for_status()
            kept = dict(json.loads(response.content))
        except (requests.RequestException, ValueError, TypeError) as error:
            _logger.warning("certificates cannot be fetched from %s: %s", self._url, error)
            self._not_before = now + _FAILURE_S
            return
        age = _MAX_AGE.search(response.headers.get("Cache-Control", ""))
        age_s = min(max(int(age[1]), _MIN_AGE_S), _MAX_AGE_S) if age else _DEFAULT_AGE_S
        self._kept, self._until, self._not_before = kept, now + age_s, now + _MIN_AGE_S
