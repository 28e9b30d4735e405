"""The span of a request, in a process that traces by OpenTelemetry: it continues the trace of the caller.

Conventions: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from pubsubservice import __version__

__all__ = ["traced"]

_Function = Callable[[Request], Response]


def traced(function: _Function) -> _Function:
    """Return a function that makes a span of each request, named like this one; the function itself if nothing traces.

    That is decided here, once: a process traces if a tracer provider was set before, as ``opentelemetry-instrument`` does.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra of the client; deployed only by who wants traces
        from opentelemetry.propagate import extract  # noqa: PLC0415
    except ImportError:
        return function
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return function
    tracer = trace.get_tracer("pubsubservice", __version__)
    route = f"/{function.__name__}"

    @functools.wraps(function)
    def with_span(request: Request) -> Response:
        attributes = {"http.request.method": request.method, "http.route": route, "url.scheme": request.scheme}
        context = extract({name.lower(): text for name, text in request.headers.items()})
        with tracer.start_as_current_span(
            f"{request.method} {route}", context, trace.SpanKind.SERVER, attributes
        ) as span:
            response = function(request)
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_attribute("error.type", str(response.status_code))
                span.set_status(trace.StatusCode.ERROR)
            return response

    return with_span
