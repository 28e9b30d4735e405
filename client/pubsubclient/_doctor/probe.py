"""Asks the service for a list of publishers: whether it is a service of ours, knows the caller, and has its store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from pubsubclient._core.errors import ConfigurationError, IdentityError, ServiceError, Unavailable
from pubsubclient._doctor.findings import Finding, fault, warning
from pubsubclient._http.adapter import BoundedAdapter
from pubsubclient._http.identity import TokenUnavailable
from pubsubclient._http.service import Service
from pubsubclient._http.transport import Transport
from pubsubclient._version import __version__

__all__ = ["probe"]

_DEADLINE_S, _CONNECT_S, _READ_S = 6.0, 3.0, 5.0
#: ID tokens are refused when clocks differ by more
_CLOCK_S = 60


class _Recorder(BoundedAdapter):
    """Keeps the headers of the last response."""

    headers: Mapping[str, str] = {}

    def send(self, *arguments: Any, **named: Any) -> requests.Response:
        response = super().send(*arguments, **named)
        self.headers = response.headers
        return response


def probe(service: Service) -> list[Finding]:
    """Send one request, and return what is wrong with the response."""
    recorder = _Recorder()
    asked = Service(
        service.urls, adapter=recorder, identity=service.identity, deadline_s=_DEADLINE_S, connect_timeout_s=_CONNECT_S,
        read_timeout_s=_READ_S,
    )  # fmt: skip
    url = service.urls["register"]
    try:
        body = Transport(asked).call("register", None, method="GET", query={"publisher": "", "page_size": "1"}).body
    except ServiceError as error:
        return [_refused(url, error, recorder.headers)]
    except Unavailable as error:
        return [_unavailable(url, error)]
    except IdentityError as error:
        return [fault("no_credentials", str(error), "Correct the credentials, or the identity in config.json.")]
    except ConfigurationError as error:
        return [
            _tls(url, error) if "ertificate" in str(error) else fault("bad_url", str(error), "Correct the address.")
        ]
    if "names" not in body or "X-Service-Version" not in recorder.headers:
        return [_foreign(url, f"it answers {str(body)[:80]}", recorder.headers)]
    return [*_version(recorder.headers["X-Service-Version"]), *_clock(recorder.headers.get("Date", ""))]


def _refused(url: str, error: ServiceError, headers: Mapping[str, str]) -> Finding:
    if error.code == "invalid_identity_token":
        do = "Get a new one; PUBLISH_SUBSCRIBE_TOKEN and the audience have to be those of this service."
        return fault("identity", f"The service refuses the token: {error.detail}", do)
    if error.code in {"http_401", "http_403"}:
        do = 'Let this identity invoke the functions; config.json takes "identity": "google" (pubsubclient[gcp]).'
        return fault("no_credentials", f"{_host(url)} lets nobody in without credentials ({error.status}).", do)
    if error.code.startswith("http_") or error.code in {"bad_answer", "not_found"}:
        return _foreign(url, error.detail, headers)
    return fault("refused", f"The service refuses a list of names: {error.detail} ({error.code}).", "Do as it says.")


def _unavailable(url: str, error: Unavailable) -> Finding:
    last, text = error.last, str(error.last)
    if isinstance(last, ServiceError):
        if last.code.startswith("http_"):
            return _foreign(url, last.detail, {})
        do = "Look at the service's log; the store has to be there, and the service may use it."
        return fault("store", f"The service has no store: {last.detail} ({last.code}).", do)
    if isinstance(last, TokenUnavailable):
        return fault(
            "no_credentials", f"There is no token: {text}.", "Look whether Google's token service can be reached."
        )
    if isinstance(last, requests.exceptions.ProxyError):
        return fault("proxy", f"The proxy does not reach {_host(url)}: {text}.", "Correct the proxy, or use NO_PROXY.")
    return _tls(url, last) if isinstance(last, requests.exceptions.SSLError) else _silent(url, last)


def _silent(url: str, last: Exception) -> Finding:
    text = str(last)
    if any(word in text for word in ("BadStatusLine", "HeaderParsing", "InvalidHeader", "ends within its headers")):
        return _foreign(url, "it does not speak HTTP", {})
    waits = isinstance(last, requests.Timeout)
    how = f"does not answer within {_READ_S:g} s" if waits else f"closes them without an answer ({text.rstrip('.')})"
    do = "Look at its log, and restart it if it hangs; a firewall in between may drop what is sent."
    return fault("no_answer", f"{_host(url)} takes connections and {how}.", do)


def _foreign(url: str, detail: str, headers: Mapping[str, str]) -> Finding:
    server = f" (Server: {headers['Server']})" if headers.get("Server") else ""
    do = "Correct the address, or start the service at another port: `pubsub emulator --port`."
    return fault("not_pubsub", f"Something else has {_host(url)}{server}: {detail[:200].rstrip('.')}.", do)


def _tls(url: str, error: Exception) -> Finding:
    do = "Correct the address; for a private certificate authority set REQUESTS_CA_BUNDLE."
    return fault("tls", f"No secure connection to {_host(url)}: {str(error)[:300].rstrip('.')}.", do)


def _version(version: str) -> list[Finding]:
    if version.split(".")[:2] == __version__.split(".")[:2]:
        return []
    what = f"The service has version {version}, this package {__version__}."
    return [warning("versions", what, "Deploy the service first, then upgrade its clients.")]


def _clock(date: str) -> list[Finding]:
    try:
        ahead_s = time.time() - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return []
    if abs(ahead_s) <= _CLOCK_S:
        return []
    where = "ahead of" if ahead_s > 0 else "behind"
    what = f"The clock of this machine is {abs(ahead_s):.0f} s {where} the service's."
    return [warning("clock", what, "Set it: tokens are refused where clocks differ.")]


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
