"""Signs of life: what the log says while a service is out of reach, once when it begins and once when it is over."""

from __future__ import annotations

import logging
import threading
import time
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from pubsubclient._fork import reset_in_child
from pubsubclient._http.identity import is_loopback
from pubsubclient._http.service import Service

__all__ = ["Outage", "plain_failure"]

#: a service that fails for so long is out of reach, seconds; less is a hiccup that a second try mends
_SILENT_S = 1.0

_log = logging.getLogger("pubsubclient.transport")


class Outage:
    """Whether one service is out of reach. All threads and calls share it, so that each outage is told once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        #: monotonic time of the first failure since the last success
        self._since: float | None = None
        self._told = False
        self._lock = threading.Lock()
        reset_in_child(self)

    def after_fork(self) -> None:
        """A thread that is not in the child may hold the parent's lock."""
        self._lock = threading.Lock()

    def failed(self, failure: Exception, pause_s: float, give_up: float) -> None:
        """A try failed, and the next one comes after `pause_s` seconds: say so, if it has been silent for long."""
        now = time.monotonic()
        with self._lock:
            if self._since is None:
                self._since = now
            if self._told or now + pause_s - self._since < _SILENT_S:
                return
            self._told = True
        what, place = str(failure), _place(self._service)
        if place not in what:
            what = f"{place}: {what}"
        _log.warning("%s%s Trying for %.0f s more.", what, "" if what.endswith(("?", ".")) else ".", give_up - now)

    def over(self) -> None:
        """A call succeeded."""
        if self._since is None:
            return
        with self._lock:
            since, told = self._since, self._told
            self._since, self._told = None, False
        if told and since is not None:
            _log.info("%s answers again, after %.0f s.", _place(self._service), time.monotonic() - since)


def plain_failure(error: requests.RequestException, service: Service) -> Exception:
    """The error of a try in words for whoever runs the program; as it is, where there are none."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if not isinstance(reason, NewConnectionError):
        return error
    cause = reason.__cause__ or reason.__context__
    what = "connection refused" if isinstance(cause, ConnectionRefusedError) else f"no connection ({cause or reason})"
    hint = "; is `pubsub emulator` running?" if is_loopback(service.urls["register"]) else ""
    return requests.ConnectionError(f"{what} at {_place(service)}{hint}")


def _place(service: Service) -> str:
    """Where a service is: scheme, host and port."""
    parts = urlsplit(service.urls["register"])
    return f"{parts.scheme}://{parts.netloc}"
