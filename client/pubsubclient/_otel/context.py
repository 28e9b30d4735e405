"""The W3C trace context of events: CloudEvents' attributes ``traceparent`` and ``tracestate``.

Source: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Link, Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pubsubclient._events.event import Event

__all__ = ["attributes_of", "context_of", "link_to", "links_to", "members_of"]

_W3C = TraceContextTextMapPropagator()
_MEMBERS = ("traceparent", "tracestate")
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: the last span context that was asked for, and what carries it: the events of a publish carry what its request does
_last: tuple[SpanContext, Mapping[str, str]] = (INVALID_SPAN_CONTEXT, _NOTHING)


def attributes_of(span: Span) -> Mapping[str, str]:
    """Return the attributes, or headers, that carry a span's context; empty without a valid one."""
    global _last  # one pair, read and replaced at once, so that threads may share it
    found = span.get_span_context()
    last, carried = _last
    if found is last:
        return carried
    if not found.is_valid:
        return _NOTHING
    written: dict[str, str] = {}
    _W3C.inject(written, trace.set_span_in_context(span, Context()))
    carried = MappingProxyType({name: text for name, text in written.items() if text})
    _last = found, carried
    return carried


def members_of(event: Event) -> dict[str, str]:
    """Return the attributes of an event that carry its creation context, so far as it has them."""
    return {name: text for name in _MEMBERS if isinstance(text := event.attribute(name), str)}


def context_of(members: Mapping[str, str]) -> Context:
    """Return what attributes carry; an empty context if that is nothing, or malformed."""
    return _W3C.extract(members, Context()) if members else Context()


def link_to(members: Mapping[str, str]) -> SpanContext | None:
    """Return the span context that attributes carry; None without a valid one."""
    if "traceparent" not in members:
        return None
    found = trace.get_current_span(context_of(members)).get_span_context()
    return found if found.is_valid else None


def links_to(found: Iterable[SpanContext | None]) -> list[Link]:
    """Return a link to each span context, once."""
    return [Link(one) for one in {(one.trace_id, one.span_id): one for one in found if one is not None}.values()]
