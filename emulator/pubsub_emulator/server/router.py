"""Routes requests to the functions and to the console by path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType

from werkzeug.wrappers import Request, Response

from pubsub_emulator.server.call_meter import CallMeter
from pubsub_emulator.server.page_guard import PageGuard, scheme_of
from pubsub_emulator.server.wsgi import Environ, StartResponse, WSGIApp, refuse, respond_json
from pubsubservice import __version__

__all__ = ["Console", "Router", "applications"]

#: responds to a request for a file of the console; None for any other request
Console = Callable[[Environ, StartResponse], Iterable[bytes] | None]


def applications(module: ModuleType, names: Iterable[str]) -> dict[str, WSGIApp]:
    """Return {name: WSGI application} for functions of a module.

    In the cloud, functions-framework serves a function in a Flask application. That would cost a fifth of a single publish
    and half of the emulator's start, and add nothing, because the functions turn every error into a response themselves. A
    test sends the contract through both.
    """
    return {name: _application(getattr(module, name)) for name in names}


def _application(function: Callable[[Request], Response]) -> WSGIApp:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return function(Request(environ))(environ, start_response)

    return application


class Router:
    """A WSGI application that routes requests by path.

    ``/NAME`` is the function NAME, ``/`` lists the functions, ``/openapi.json`` describes them, ``/meter`` counts their calls,
    and ``/healthz`` is the liveness check. With a console, ``/`` is its page for browsers. Requests that a web page of
    elsewhere makes are refused (`PageGuard`).

    Args:
        functions: {name: WSGI application}
        guard: tells such requests; by default it knows the names of the loopback interface only
        describe: makes the OpenAPI document for a base URL
        console: responds to requests for the console's files
    """

    def __init__(
        self,
        functions: Mapping[str, WSGIApp],
        guard: PageGuard | None = None,
        *,
        describe: Callable[[str], object] | None = None,
        console: Console | None = None,
    ) -> None:
        self._meter = CallMeter()
        self._functions = {name: self._meter.metered(name, function) for name, function in functions.items()}
        self._guard = guard or PageGuard()
        self._describe = describe
        self._console = console

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._guard.refusal(environ)
        if refusal is not None:
            return refuse(start_response, *refusal)
        return self._route(environ, start_response)

    def _route(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].strip("/")
        function = self._functions.get(path)
        if function is not None:
            # As in the cloud, where each function is the root of its own address. werkzeug's DispatcherMiddleware would leave
            # the path empty, and Flask would redirect.
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"{environ.get('SCRIPT_NAME', '')}/{path}", "/"
            return function(environ, start_response)
        if self._console is not None and (response := self._console(environ, start_response)) is not None:
            return response
        document = self._document(path, environ)
        if document is None:
            detail = f"unknown function {path!r}; the functions are {', '.join(self._functions)}"
            return refuse(start_response, 404, detail)
        # `/` has two representations
        return respond_json(start_response, document, *([] if path else [("Vary", "Accept")]))

    def _document(self, path: str, environ: Environ) -> object:
        """Return what a path other than a function's shows as JSON; None for an unknown one."""
        base = f"{scheme_of(environ)}://{environ['HTTP_HOST']}{environ.get('SCRIPT_NAME', '')}"
        if path == "healthz":
            return {"status": "ok", "version": __version__}
        if path == "meter":
            return self._meter.as_json()
        if path == "openapi.json" and self._describe is not None:
            return self._describe(base)
        if not path:
            return {"version": __version__, "functions": {name: f"{base}/{name}" for name in self._functions}}
        return None
