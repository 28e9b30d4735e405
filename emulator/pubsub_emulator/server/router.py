"""Routes requests to the functions by path, and refuses requests of foreign hosts and web pages."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import flask
import functions_framework

from pubsub_emulator.server.call_meter import CallMeter
from pubsub_emulator.server.limits import problem
from pubsubservice import __version__
from pubsubservice.core.meter import Meter
from pubsubservice.core.request_log import log_request

__all__ = ["Environ", "Router", "StartResponse", "WSGIApp", "applications", "load_functions", "refuse"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


def load_functions(module: ModuleType, names: Iterable[str]) -> dict[str, WSGIApp]:
    """Return {name: WSGI application} for functions of a module.

    functions-framework loads each function first, so that a function that the cloud would refuse at deployment is refused
    here, too. The function is then served without the framework's Flask application. That would cost a fifth of a single
    publish and add nothing, because the functions turn every error into a response themselves. A test sends the contract
    through both.
    """
    load: Callable[[str, str | None, str], object] = functions_framework.create_app
    for name in names:
        load(name, module.__file__, "http")
    return applications(module, names)


def applications(module: ModuleType, names: Iterable[str]) -> dict[str, WSGIApp]:
    """Return {name: WSGI application} for functions of a module, which the framework is not asked about."""
    return {name: _application(getattr(module, name)) for name in names}


def _application(function: Callable[[flask.Request], flask.Response]) -> WSGIApp:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return function(flask.Request(environ))(environ, start_response)

    return application


class Router:
    """A WSGI application that routes requests by path.

    ``/NAME`` is the function NAME, ``/`` lists the functions, ``/openapi.json`` describes them, ``/meter`` counts their calls,
    and ``/healthz`` is the liveness check.

    The emulator may run without authentication, and any web page that a developer visits can make the browser send
    requests to 127.0.0.1: across origins, or with a host name of its own that resolves there (DNS rebinding). The router
    therefore refuses requests to unknown host names, and requests of pages from another origin. Browsers send no Origin with
    the images, scripts and frames of a page, and these could hold a thread in a long poll; but they send Fetch Metadata
    (https://www.w3.org/TR/fetch-metadata/). Of other sites' requests only a link that a person follows is accepted.

    Args:
        functions: {name: WSGI application}
        hosts: host names to accept, besides those of the loopback interface
        any_address: accept every numeric address as the host; a page cannot forge one, as DNS is not involved
        describe: makes the OpenAPI document for a base URL
    """

    def __init__(
        self,
        functions: Mapping[str, WSGIApp],
        hosts: Iterable[str] = (),
        *,
        any_address: bool = False,
        describe: Callable[[str], object] | None = None,
    ) -> None:
        self._meter = CallMeter()
        self._functions = {name: self._meter.metered(name, function) for name, function in functions.items()}
        self._hosts = {_normal(host) for host in hosts}
        self._any_address = any_address
        self._describe = describe

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = _host_of("//" + environ.get("HTTP_HOST", ""))
        if not self._accepts(host):
            detail = f"this emulator does not accept requests to the host name {host!r}; allow it with --allow-host"
            return refuse(start_response, 421, detail)
        origin = environ.get("HTTP_ORIGIN")
        here = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
        if origin is not None and _origin_of(origin) != _origin_of(here):
            return refuse(
                start_response, 403, f"a web page of {origin} may not use this emulator; only pages of {here} may"
            )
        if _is_foreign(environ):
            site = environ["HTTP_SEC_FETCH_SITE"]
            detail = f"a web page of elsewhere may not use this emulator ({site} request); only pages of {here} may"
            return refuse(start_response, 403, detail)
        return self._route(environ, start_response)

    def _route(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].strip("/")
        function = self._functions.get(path)
        if function is not None:
            # As in the cloud, where each function is the root of its own address. werkzeug's DispatcherMiddleware would leave
            # the path empty, and Flask would redirect.
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"{environ.get('SCRIPT_NAME', '')}/{path}", "/"
            return function(environ, start_response)
        if path == "healthz":
            return _json(start_response, "200 OK", {"status": "ok", "version": __version__})
        if path == "meter":
            return _json(start_response, "200 OK", self._meter.as_json())
        base = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{environ.get('SCRIPT_NAME', '')}"
        if path == "openapi.json" and self._describe is not None:
            return _json(start_response, "200 OK", self._describe(base))
        if not path:
            urls = {name: f"{base}/{name}" for name in self._functions}
            return _json(start_response, "200 OK", {"version": __version__, "functions": urls})
        detail = f"unknown function {path!r}; the functions are {', '.join(self._functions)}"
        return refuse(start_response, 404, detail)

    def _accepts(self, host: str) -> bool:
        if host in self._hosts or host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


def _host_of(url: str) -> str:
    """Return the host of ``//HOST:PORT`` or of a URL; empty for a malformed one, which is never an accepted host."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else _normal(parts.hostname or "")
    except ValueError:
        return ""


def _origin_of(url: str) -> tuple[str, str, int | None]:
    """Return a web page's origin: scheme, host and port (RFC 6454)."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return url, "", None
    return parts.scheme, _normal(parts.hostname or ""), port


def _is_foreign(environ: Environ) -> bool:
    """Whether a page of another origin makes the request, and not by a link that a person follows in the browser."""
    if environ.get("HTTP_SEC_FETCH_SITE", "none") in {"none", "same-origin"}:
        return False
    navigates = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    return not (navigates and environ["REQUEST_METHOD"] == "GET")


def _normal(host: str) -> str:
    return host.lower().rstrip(".")


def _json(
    start_response: StartResponse, status: str, body: object, content_type: str = "application/json"
) -> Iterable[bytes]:
    encoded = json.dumps(body).encode()
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(encoded)))])
    return [encoded]


def refuse(start_response: StartResponse, status: int, detail: str) -> Iterable[bytes]:
    """Respond with a problem document, and log the request as the functions do."""
    line, headers, body, code = problem(status, detail)
    log_request("emulator", status, {"code": code}, Meter(), 0.0)
    start_response(line, headers)
    return [body]
