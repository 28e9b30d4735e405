"""The emulator's one address: which function a path means, and which requests never reach one."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import flask
import functions_framework

from pubsub_emulator.server.limits import problem
from pubsubservice import __version__
from pubsubservice.core.meter import Meter
from pubsubservice.core.request_log import log_request

__all__ = ["Router", "WSGIApp", "load_functions"]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


def load_functions(module: ModuleType, names: Iterable[str]) -> dict[str, WSGIApp]:
    """The functions of a module as WSGI applications.

    Each is loaded by functions-framework first, so that what the cloud would refuse at a deployment is refused here. But it
    is served without the Flask application that the framework puts around it, which costs a fifth of a lone publish and adds
    nothing: our functions turn every error into an answer by themselves. A test sends the contract through both.
    """
    load: Callable[[str, str | None, str], object] = functions_framework.create_app
    for name in names:
        load(name, module.__file__, "http")
    return {name: _application(getattr(module, name)) for name in names}


def _application(function: Callable[[flask.Request], flask.Response]) -> WSGIApp:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return function(flask.Request(environ))(environ, start_response)

    return application


class Router:
    """A WSGI application: ``/NAME`` is the function NAME, ``/healthz`` says that we live, ``/`` lists them,
    ``/openapi.json`` describes them.

    Nothing here authenticates, and any web page a developer visits can make the browser send requests to
    127.0.0.1: by a name of its own that it lets point there (DNS rebinding), or across origins. So only
    requests to a name we know come through, and from a page only if it came from this very address.

    `hosts` are the names to answer to beside the loopback's; `any_address` admits every numeric address (no
    page can make a browser send one that is not really ours). `describe` makes the OpenAPI document for an address.
    """

    def __init__(
        self,
        functions: Mapping[str, WSGIApp],
        hosts: Iterable[str] = (),
        *,
        any_address: bool = False,
        describe: Callable[[str], object] | None = None,
    ) -> None:
        self._functions = dict(functions)
        self._hosts = {_normal(host) for host in hosts}
        self._any_address = any_address
        self._describe = describe

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = _host_of("//" + environ.get("HTTP_HOST", ""))
        if not self._knows(host):
            detail = f"this emulator does not answer to the name {host!r}; allow it with --allow-host"
            return _refuse(start_response, 421, detail)
        origin = environ.get("HTTP_ORIGIN")
        here = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
        if origin is not None and _origin_of(origin) != _origin_of(here):
            return _refuse(start_response, 403, f"a page of {origin} may not use this emulator; only one of {here} may")
        return self._route(environ, start_response)

    def _route(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].strip("/")
        function = self._functions.get(path)
        if function is not None:
            # as in the cloud, where each function is the root of its own address; werkzeug's
            # DispatcherMiddleware would leave the path empty, and Flask would redirect
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"/{path}", "/"
            return function(environ, start_response)
        if path == "healthz":
            return _json(start_response, "200 OK", {"status": "ok", "version": __version__})
        base = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
        if path == "openapi.json" and self._describe is not None:
            return _json(start_response, "200 OK", self._describe(base))
        if not path:
            urls = {name: f"{base}/{name}" for name in self._functions}
            return _json(start_response, "200 OK", {"version": __version__, "functions": urls})
        detail = f"there is no function {path!r}; there are {', '.join(self._functions)}"
        return _refuse(start_response, 404, detail)

    def _knows(self, host: str) -> bool:
        if host in self._hosts or host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


def _host_of(url: str) -> str:
    """The host of ``//HOST:PORT`` or of a URL; empty, which no known host is, for what is none."""
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else _normal(parts.hostname or "")
    except ValueError:
        return ""


def _origin_of(url: str) -> tuple[str, str, int | None]:
    """What tells a web page's origin from others: scheme, host and port (RFC 6454)."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return url, "", None
    return parts.scheme, _normal(parts.hostname or ""), port


def _normal(host: str) -> str:
    return host.lower().rstrip(".")


def _json(
    start_response: StartResponse, status: str, body: object, content_type: str = "application/json"
) -> Iterable[bytes]:
    encoded = json.dumps(body).encode()
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(encoded)))])
    return [encoded]


def _refuse(start_response: StartResponse, status: int, detail: str) -> Iterable[bytes]:
    """Refuse a request, with a line in the log as functions write it."""
    line, headers, body, code = problem(status, detail)
    log_request("emulator", status, {"code": code}, Meter(), 0.0)
    start_response(line, headers)
    return [body]
