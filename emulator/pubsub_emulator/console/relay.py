"""The console of a service elsewhere: serves the page on this machine, and passes its calls on with the caller's identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pubsub_emulator.console.page import Page
from pubsub_emulator.server.page_guard import PageGuard
from pubsub_emulator.server.server import DRAIN_S, Server
from pubsub_emulator.server.wsgi import Environ, StartResponse, respond_problem
from pubsubclient._http.call import Cancellation
from pubsubclient._http.passing_on import NotPassedOn, Passed, PassingOn
from pubsubclient._http.service import Service

__all__ = ["Relay"]

#: the most calls at once; a browser makes six
_THREADS = 32
_METHODS = ("GET", "POST", "DELETE")
#: headers of the page's calls that the service gets: {header: its key in the WSGI environment}
_TO_SERVICE = {
    "Content-Type": "CONTENT_TYPE",
    "Accept": "HTTP_ACCEPT",
    "X-Pubsub-Console": "HTTP_X_PUBSUB_CONSOLE",
    "X-Pubsub-Token": "HTTP_X_PUBSUB_TOKEN",
}
#: headers of the service's responses that the page gets
_TO_PAGE = ("Content-Type", "X-Store-Ops", "X-Store-Time", "X-Service-Version", "Server-Timing", "Retry-After", "Allow")
#: what the page gets besides: nothing is kept, and nothing is shown as something other than JSON
_OWN = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


class Relay:
    """Serves the console of `service` at `url`, on a loopback address, from construction until `close`.

    Calls of other web pages are refused as the emulator refuses them. The page never sees the caller's credentials; but any
    program that can connect to the port calls the service with them. Raises AddressError, as `Server` does.

    Args:
        service: where the calls go, and the identity that they are made with
        port: the port to listen on; 0 picks a free one
    """

    def __init__(self, service: Service, *, port: int = 0) -> None:
        self._guard = PageGuard(hint="use localhost or 127.0.0.1")
        self._page = Page()
        self._service = PassingOn(service)
        self._stopping = Cancellation()
        self._server = Server(self._respond, port=port, threads=_THREADS)
        self.url = self._server.url

    def close(self, timeout_s: float = DRAIN_S) -> None:
        """Stop. Reads end at once; a write under way has up to `timeout_s` seconds to finish."""
        self._stopping.cancel()
        self._server.drain(timeout_s)
        self._server.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _respond(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._guard.refusal(environ)
        if refusal is not None:
            return respond_problem(start_response, *refusal)
        response = self._page(environ, start_response)
        if response is not None:
            return response
        name, method = environ["PATH_INFO"].strip("/"), environ["REQUEST_METHOD"]
        if name not in self._service.urls:
            known = ", ".join(self._service.urls)
            return respond_problem(
                start_response, 404, f"this console has its page at /, and passes on {known}; not {name!r}"
            )
        if method not in _METHODS:
            detail = f"{', '.join(_METHODS)} are passed on; got {method}"
            return respond_problem(start_response, 405, detail, ("Allow", ", ".join(_METHODS)))
        return self._pass_on(name, method, environ, start_response)

    def _pass_on(self, name: str, method: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = {header: environ[key] for header, key in _TO_SERVICE.items() if environ.get(key)}
        try:
            passed = self._service.send(
                method,
                name,
                environ.get("QUERY_STRING", ""),
                environ["wsgi.input"].read(),
                headers,
                self._stopping if method == "GET" else None,
            )
        except NotPassedOn as error:
            return respond_problem(start_response, 504 if error.late else 502, str(error))
        if not _is_json(passed.headers):
            if name == "meter":
                return respond_problem(start_response, 404, "the service has no meter: only an emulator has one")
            return respond_problem(start_response, 502, _foreign(passed))
        kept = [(header, passed.headers[header]) for header in _TO_PAGE if header in passed.headers]
        length = ("Content-Length", str(len(passed.body)))
        start_response(f"{passed.status} {passed.reason}", [*kept, *_OWN, length])
        return [passed.body]


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").partition(";")[0].strip() in {"application/json", "application/problem+json"}


def _foreign(passed: Passed) -> str:
    """Return what is wrong with a response that is not the service's own."""
    kind = passed.headers.get("Content-Type", "no type")
    hint = "; may the caller invoke the function?" if passed.status in {401, 403} else "; is its address right?"
    return f"the service responded {passed.status} {passed.reason} with {kind}, where JSON is expected{hint}"
