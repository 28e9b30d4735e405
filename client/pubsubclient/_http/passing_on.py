"""Passes requests of somebody else on to a service, with the identity of this process, and its responses back as they are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import requests
from requests.adapters import BaseAdapter

from pubsubclient._core.errors import ConfigurationError, ServiceError
from pubsubclient._http.adapter import BoundedAdapter, read_whole, settings_of
from pubsubclient._http.call import Call, Cancellation
from pubsubclient._http.identity import TokenUnavailable, check_urls
from pubsubclient._http.outage import plain_failure
from pubsubclient._http.service import FUNCTIONS, Service
from pubsubclient._version import __version__

__all__ = ["NotPassedOn", "Passed", "PassingOn"]

#: the most bytes of a response; the service sends at most 8 MiB of events
_MAX_BYTES = 16 << 20
#: for connecting, and for all of a call, seconds: a poll is held for up to 20
_CONNECT_S, _CALL_S = 5.0, 50.0
_TOKEN = "X-Pubsub-Token"  # noqa: S105 - a header's name


class Passed(NamedTuple):
    """A service's response."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class NotPassedOn(Exception):  # noqa: N818 - as in _core.errors
    """There is no response to pass back.

    Attributes:
        late: whether the service was reached, but did not respond in time
    """

    def __init__(self, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.late = late


class PassingOn:
    """Passes requests on, each once: whoever made it decides whether to make it again. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._adapter: BaseAdapter = service.adapter or BoundedAdapter(pool_maxsize=16)
        base = service.urls["register"].removesuffix("/register")
        #: {path: URL}: the functions, and the emulator's meter if the service has one base URL
        self.urls = {function: service.urls[function] for function in FUNCTIONS}
        if all(url == f"{base}/{function}" for function, url in self.urls.items()):
            self.urls["meter"] = f"{base}/meter"
        self._settings = {url: settings_of(url) for url in self.urls.values()}

    def send(
        self,
        method: str,
        name: str,
        query: str,
        body: bytes,
        headers: Mapping[str, str],
        cancellation: Cancellation | None = None,
    ) -> Passed:
        """Send a request to one of `urls` with the caller's identity, and return the response, whatever its status.

        A token among `headers` is sent in place of the identity's own. Raises NotPassedOn.
        """
        url = self.urls[name]
        request = requests.PreparedRequest()
        request.prepare(method, f"{url}?{query}" if query else url, headers=dict(headers), data=body or None)
        request.headers.update({"User-Agent": f"pubsubclient/{__version__} console", "Accept-Encoding": "identity"})
        call = Call(time.monotonic() + _CALL_S, cancellation)
        try:
            self._identify(request, name, url)
            with call:
                response = self._adapter.send(request, timeout=(_CONNECT_S, _CALL_S), **self._settings[url])
                content = read_whole(name, response, _MAX_BYTES)
        except requests.RequestException as error:
            # a timeout while the body is read is a plain ConnectionError
            if call.was_shut or isinstance(error, requests.ReadTimeout) or time.monotonic() >= call.give_up:
                raise _no_answer(url, call) from error
            raise NotPassedOn(str(plain_failure(error, self._service))) from error
        except (ConfigurationError, TokenUnavailable, ServiceError) as error:
            raise NotPassedOn(str(error)) from error
        if call.was_shut:
            raise _no_answer(url, call)
        return Passed(response.status_code, response.reason or "", response.headers, content)

    def _identify(self, request: requests.PreparedRequest, name: str, url: str) -> None:
        token = request.headers.get(_TOKEN)
        if token is not None:
            check_urls([url])
        if self._service.identity is not None and name in FUNCTIONS:
            request.headers.update(self._service.identity.headers(name, url))
        if token is not None:
            request.headers[_TOKEN] = token


def _no_answer(url: str, call: Call) -> NotPassedOn:
    why = "the call was ended" if call.cancelled else f"{url} did not respond within {_CALL_S:g} s"
    return NotPassedOn(why, late=True)
