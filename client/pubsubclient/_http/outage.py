"""Logs outages of a service: once when an outage begins, and once when it is over."""

from __future__ import annotations

import logging
import threading
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from pubsubclient._fork import reset_in_child
from pubsubclient._http.identity import is_loopback
from pubsubclient._http.service import Service

__all__ = ["Outage", "plain_failure"]

#: failures are logged once they have lasted this long, seconds; retries hide shorter ones
_SILENT_S = 1.0

_log = logging.getLogger("pubsubclient.transport")


class Outage:
    """The state of one service's outage. All threads and calls share it, so that each outage is logged once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clock = service.clock
        #: monotonic time of the first failure since the last success
        self._since: float | None = None
        #: whether the present outage was logged
        self._logged = False
        self._lock = threading.Lock()
        reset_in_child(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def failed(self, failure: Exception, pause_s: float, give_up: float) -> None:
        """Record a failed try; log the outage before a pause of `pause_s` seconds would make it last longer than _SILENT_S."""
        now = self._clock.monotonic()
        with self._lock:
            if self._since is None:
                self._since = now
            if self._logged or now + pause_s - self._since < _SILENT_S:
                return
            self._logged = True
        text, origin = str(failure), _origin(self._service)
        if origin not in text:
            text = f"{origin}: {text}"
        _log.warning("%s%s Trying for %.0f s more.", text, "" if text.endswith(("?", ".")) else ".", give_up - now)

    def over(self) -> None:
        """Record that a call succeeded; log the end of an outage that was logged."""
        if self._since is None:
            return
        with self._lock:
            since, logged = self._since, self._logged
            self._since, self._logged = None, False
        if logged and since is not None:
            _log.info("%s responds again, after %.0f s.", _origin(self._service), self._clock.monotonic() - since)


def plain_failure(error: requests.RequestException, service: Service) -> Exception:
    """Return a short error for a connection that could not be made; other errors are returned unchanged."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if not isinstance(reason, NewConnectionError):
        return error
    cause = reason.__cause__ or reason.__context__
    text = "connection refused" if isinstance(cause, ConnectionRefusedError) else f"no connection ({cause or reason})"
    hint = "; is `pubsub emulator` running?" if is_loopback(service.urls["register"]) else ""
    return requests.ConnectionError(f"{text} at {_origin(service)}{hint}")


def _origin(service: Service) -> str:
    """Return scheme, host and port of a service."""
    parts = urlsplit(service.urls["register"])
    return f"{parts.scheme}://{parts.netloc}"
