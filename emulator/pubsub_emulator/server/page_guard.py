"""Refuses requests that a web page of elsewhere makes a browser send."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from pubsub_emulator.server.wsgi import Environ

__all__ = ["PageGuard", "Refusal", "scheme_of"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Refusal(NamedTuple):
    """Why a request is refused."""

    status: int
    detail: str


class PageGuard:
    """Accepts requests of programs and of our own pages only.

    The emulator may run without authentication, and any web page that a developer visits can make the browser send
    requests to 127.0.0.1: across origins, or with a host name of its own that resolves there (DNS rebinding). So requests
    to unknown host names are refused, and requests of pages from another origin. Browsers send no Origin with the images,
    scripts and frames of a page, and these could hold a thread in a long poll; but they send Fetch Metadata
    (https://www.w3.org/TR/fetch-metadata/). Of other sites' requests only a link that a person follows is accepted.

    Args:
        hosts: host names to accept, besides those of the loopback interface
        any_address: accept every numeric address as the host; a page cannot forge one, as DNS is not involved
        hint: what a client that uses another host name should do
    """

    def __init__(
        self, hosts: Iterable[str] = (), *, any_address: bool = False, hint: str = "allow it with --allow-host"
    ) -> None:
        self._hosts = {_normal(host) for host in hosts}
        self._any_address = any_address
        self._hint = hint

    def refusal(self, environ: Environ) -> Refusal | None:
        """Return why a request is refused; None if it is accepted."""
        host = _host_of("//" + environ.get("HTTP_HOST", ""))
        if not self._accepts(host):
            return Refusal(421, f"requests to the host name {host!r} are not accepted; {self._hint}")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not _is_ours(origin, environ):
            return _refused(f"a web page of {origin} may not use this service", environ)
        if _is_foreign(environ):
            site = environ["HTTP_SEC_FETCH_SITE"]
            return _refused(f"a web page of elsewhere may not use this service ({site} request)", environ)
        return None

    def _accepts(self, host: str) -> bool:
        if host in self._hosts or host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


def scheme_of(environ: Environ) -> str:
    """Return the scheme that the client used, as a proxy in front says; without one, the connection's own.

    No page can set ``X-Forwarded-Proto`` across origins: the browser would ask first, and no response allows it.
    """
    own: str = environ["wsgi.url_scheme"]
    said: str = environ.get("HTTP_X_FORWARDED_PROTO", own).partition(",")[0].strip().lower()
    return said if said in _DEFAULT_PORTS else own


def _refused(why: str, environ: Environ) -> Refusal:
    return Refusal(403, f"{why}; only pages of {scheme_of(environ)}://{environ['HTTP_HOST']} may")


def _is_ours(origin: str, environ: Environ) -> bool:
    """Whether a page's origin (RFC 6454) has the host and port of the request.

    Its scheme may be https though the request came here by http, as a proxy may end TLS: nobody but the owner of the host's
    certificate has a page there. It may be http unless a proxy says that the client used https, for anybody on the way can
    make a page of http://HOST.
    """
    scheme = origin.partition("://")[0].lower()
    if scheme not in {"https", scheme_of(environ)}:
        return False
    try:
        page, asked = urlsplit(origin), urlsplit(f"{scheme}://{environ['HTTP_HOST']}")
        port = _DEFAULT_PORTS[scheme]
        return (_normal(page.hostname or ""), page.port or port) == (_normal(asked.hostname or ""), asked.port or port)
    except ValueError:
        return False


def _is_foreign(environ: Environ) -> bool:
    """Whether a page of another origin makes the request, and not by a link that a person follows in the browser."""
    if environ.get("HTTP_SEC_FETCH_SITE", "none") in {"none", "same-origin"}:
        return False
    follows = environ.get("HTTP_SEC_FETCH_USER") == "?1" and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    return not (follows and environ["REQUEST_METHOD"] == "GET")


def _host_of(url: str) -> str:
    """Return the host of ``//HOST:PORT``; empty for a malformed one, which is never an accepted host."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else _normal(parts.hostname or "")
    except ValueError:
        return ""


def _normal(host: str) -> str:
    return host.lower().rstrip(".")
