"""Whether the service's addresses can be reached at all."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from pubsubclient._doctor.findings import Finding, fault
from pubsubclient._http.identity import is_loopback
from pubsubclient._http.service import Service

__all__ = ["network_fault"]

_TIMEOUT_S = 3.0
_PORTS = {"http": 80, "https": 443}


def network_fault(service: Service) -> Finding | None:
    """Return what keeps connections from the service's addresses, or from the proxy before them; None if nothing does."""
    for url in sorted(set(service.urls.values()), key=list(service.urls.values()).index):
        found = _fault(url)
        if found is not None:
            return found
    return None


def _fault(url: str) -> Finding | None:
    # as in the transport, which asks no proxy for this machine
    proxy = None if is_loopback(url) else select_proxy(url, get_environ_proxies(url))
    if proxy is not None:
        address = proxy if "://" in proxy else f"http://{proxy}"
        error = _connection_error(address)
        if error is None:
            return None
        what = f"The proxy {_origin(address)} for {_origin(url)} cannot be reached: {error}."
        return fault("proxy", what, "Correct HTTP_PROXY and HTTPS_PROXY, or list the service's host in NO_PROXY.")
    error = _connection_error(url)
    if error is None:
        return None
    if isinstance(error, socket.gaierror | UnicodeError):
        do = "Correct the host name in the address, or the name service of this machine."
        return fault("unknown_host", f"The host {urlsplit(url).hostname} is not known: {error}.", do)
    local = is_loopback(url)
    do = (
        "Start it with `pubsub emulator`, or correct the address."
        if local
        else "Correct the address, or start the service."
    )
    refused = isinstance(error, ConnectionRefusedError)
    what = f"Nothing answers at {_origin(url)}: {'connections are refused' if refused else error}."
    return fault("no_answer", what, do)


def _connection_error(url: str) -> Exception | None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)), _TIMEOUT_S).close()
    except (OSError, ValueError) as error:  # UnicodeError is a ValueError
        return error
    return None


def _origin(url: str) -> str:
    """Return scheme, host and port, without a user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
