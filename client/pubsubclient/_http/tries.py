"""One try of a call: what makes another try worth while, and how long to pause before it."""

from __future__ import annotations

import random

import requests

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._http.outage import plain_failure
from pubsubclient._http.responses import surely_not_sent
from pubsubclient._http.service import Service

__all__ = ["TryAgain", "failure_of", "jitter_s"]

#: the pause after try n is drawn from 0 to _FIRST_PAUSE_S * 2^(n - 1), at most _MAX_PAUSE_S
_FIRST_PAUSE_S = 0.1
_MAX_PAUSE_S = 5.0

#: errors after which another try may succeed: no connection, no response in time, an incomplete response
_TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
#: not the module's shared generator, which programs seed
_random = random.SystemRandom()


class TryAgain(Exception):  # noqa: N818 - as in _core.errors
    """A try failed, and another try may succeed. Private: `Transport.call` makes the further tries."""

    def __init__(self, failure: Exception, *, uncertain: bool, pause_s: float = 0.0) -> None:
        super().__init__(str(failure))
        self.failure = failure
        #: whether the try may have taken effect
        self.uncertain = uncertain
        #: how long the service asked to wait, seconds
        self.pause_s = pause_s
        #: how long ago the call began when the try failed, seconds; 0 for a try of `Transport.call`, which knows
        self.elapsed_s = 0.0


def failure_of(error: requests.RequestException, url: str | None, service: Service) -> TryAgain | ConfigurationError:
    """Return the error to raise for a try without a response."""
    if not isinstance(error, _TRANSIENT):
        return ConfigurationError(f"{url} cannot be called: {error}.")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ConfigurationError(f"The certificate of {url} is not trusted: {error}.")
    return TryAgain(plain_failure(error, service), uncertain=not surely_not_sent(error))


def jitter_s(tries: int) -> float:
    """Return a random pause, seconds, by full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""
    return _random.uniform(0, min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(tries - 1, 10)))
